// SPDX-License-Identifier: Apache-2.0
// The help of `supermachine run`.
#pragma once

namespace supermachine::cli {

inline constexpr const char* kRunHelp =
    R"(usage: supermachine run [OPTIONS] IMAGE [OPTIONS] [[--] COMMAND [ARGUMENT...]]

Starts IMAGE as a virtual machine, runs one command in it, and ends with that
command's exit status. Without COMMAND it runs what the image says.

IMAGE is one of
  [HOST/]NAME[:TAG][@DIGEST]      a registry's, as docker has it; pulled when it
                                  is not in the cache
  oci-archive:FILE[:TAG]          a tar, as podman, skopeo and buildah write it
  oci-layout:DIRECTORY[:TAG]      the same as a directory
  docker-archive:FILE[:NAME:TAG]  what docker save writes
  [snapshot:]DIRECTORY            what 'supermachine snapshot' wrote
  BAKE                            the name of what 'supermachine bake' made

An image is booted once and kept as a bake, from which it starts in milliseconds
from then on; one that 'supermachine bake' made of it comes first.

The command
  -i, --interactive        carry standard input to the command
  -t, --tty                give it a terminal; usually as -it
  -e, --env NAME[=VALUE]   set a variable; without a value, take ours
      --env-file FILE      the same from a file, one per line
  -w, --workdir DIRECTORY  where it starts; made if it is missing
  -u, --user USER[:GROUP]  who runs it, by name or number
      --entrypoint PROGRAM run PROGRAM with COMMAND as its arguments
      --timeout SECONDS    kill it when it takes longer; exit status 124

The machine
      --no-bake            boot, and keep nothing; so do --console, --console-log
      --pull WHEN          when the registry is asked: missing, which is the
                           default; always; never
  -m, --memory SIZE        MiB, or with k, m or g; default 256
      --vcpus COUNT        processors, 1 to 32; default 1 (also --cpus)
      --hostname NAME      default supermachine
      --boot-timeout SECONDS     how long a boot may take; default 30
      --restore-timeout SECONDS  the same for a snapshot; default 10
      --payload FILE       what a snapshot's workload is to work on; - for
                           standard input
      --engine ENGINE      kvm: on this host's KVM or not at all
                           lab: in the lab, an emulated host, which is slow
                           auto: the lab where this host's KVM fails; default

Detached, and ports
  -d, --detach             print the VM's id once its command runs, and return;
                           see 'supermachine ps', exec, logs, stop, rm --help
      --name NAME          what the VM is called then; else a name is made up
      --rm                 keep nothing of the VM when it has ended
  -p, --publish [[IP:]HOSTPORT:]GUESTPORT  let programs of the host connect to a
                           port of the guest; IP is 127.0.0.1 where it is left
                           out, HOSTPORT a free one

What is said
      --console            the guest's console, on standard error
      --console-log FILE   the guest's console, in a file
      --timing             when each stage was reached, on standard error
  -q, --quiet              no messages of our own but errors
  -h, --help               this text

Memory and vCPUs of a snapshot or a named bake are as they were captured.

Exit status: the command's; 128 + n when signal n ended it; 127 when it was not
found, 126 when it could not be run; 124 when --timeout passed; 125 when
supermachine itself failed.

Signals go to the command. A second Ctrl-C ends the machine.

Examples
  supermachine run oci-archive:python.tar -- python3 -c 'print(6*7)'
  supermachine run oci-layout:./layout --memory 512 --env A=b -- env
  echo hello | supermachine run -i oci-archive:busybox.tar -- cat
  supermachine run -it oci-archive:busybox.tar -- sh
  supermachine run -d -p 8080:80 --name web oci-archive:nginx.tar
  supermachine run ./snapshot -- python3 -c 'print(6*7)'
)";

}  // namespace supermachine::cli
