// SPDX-License-Identifier: Apache-2.0
// The help of `supermachine snapshot`.
#pragma once

namespace supermachine::cli {

inline constexpr const char* kSnapshotHelp =
    R"(usage: supermachine snapshot [OPTIONS] IMAGE DIRECTORY [[--] COMMAND [ARG...]]

Starts IMAGE, runs COMMAND in it if there is one, and keeps the running machine
in DIRECTORY. 'supermachine run DIRECTORY' goes on from there in milliseconds, as
often as wanted. What COMMAND started and left running goes on too. If COMMAND
fails, there is no snapshot. IMAGE is as 'supermachine run' takes it; a snapshot
makes another one.

DIRECTORY is made; a snapshot that is there is replaced when the new one is
complete.

The snapshot
      --wait-ready[=SECONDS]  capture when a process of the guest has written a
                           line to /run/supermachine/ready; default 60
      --diff               only what differs from IMAGE, a snapshot, which is
                           needed from then on
      --include-rootfs     copy the root file system, so that DIRECTORY can be
                           moved to another host
      --drop-caches        have the guest give back its page cache: a smaller
                           snapshot that starts colder
      --no-rehearsal       do not start a copy to try it and to record which
                           memory a start touches

The command
  -e, --env NAME[=VALUE]   set a variable; without a value, take ours
      --env-file FILE      the same from a file, one per line
  -w, --workdir DIRECTORY  where it starts; made if it is missing
  -u, --user USER[:GROUP]  who runs it, by name or number
      --entrypoint PROGRAM run PROGRAM with COMMAND as its arguments
      --timeout SECONDS    kill it when it takes longer

The machine
  -m, --memory SIZE        MiB, or with k, m or g; default 256
      --vcpus COUNT        processors, 1 to 32; default 1 (also --cpus)
      --hostname NAME      default supermachine
      --boot-timeout SECONDS     how long a boot may take; default 30
      --restore-timeout SECONDS  the same for a snapshot; default 10
      --engine ENGINE      kvm, lab or auto, as 'supermachine run' has it

What is said
      --timing             when each stage was reached, on standard error
  -q, --quiet              nothing but errors
  -h, --help               this text

Exit status: 0 when the snapshot is there; 125 when not, with the reason;
128 + n when signal n ended it. Then DIRECTORY is as it was.

Examples
  supermachine snapshot oci-archive:python.tar py
  supermachine snapshot -m 512 oci-archive:app.tar warm -- /app/warm-up
  supermachine snapshot --wait-ready oci-archive:app.tar warm -- sh -c 'serve &'
  supermachine snapshot --diff py numpy -- python3 -c 'import numpy'
)";

}  // namespace supermachine::cli
