// SPDX-License-Identifier: Apache-2.0
// The help of the verbs for detached VMs.
#pragma once

namespace supermachine::cli {

inline constexpr const char* kPsHelp =
    R"(usage: supermachine ps [OPTIONS]

Lists the VMs that run detached ('supermachine run -d').

  -a, --all       those that have ended too
  -q, --quiet     their ids only
      --no-trunc  whole ids and commands
      --json      the same for programs
      --engine ENGINE  where to look: kvm (this machine), lab, or auto: where
                  'run' would start one now; default
  -h, --help      this text
)";

inline constexpr const char* kExecHelp =
    R"(usage: supermachine exec [OPTIONS] VM COMMAND [ARGUMENT...]

Runs one more command in a VM that runs detached, and ends with that command's
exit status. VM is its name, its id, or the beginning of its id.

  -i, --interactive        carry standard input to the command
  -t, --tty                give it a terminal; usually as -it
  -e, --env NAME[=VALUE]   set a variable; without a value, take ours
      --env-file FILE      the same from a file, one per line
  -w, --workdir DIRECTORY  where it starts; made if it is missing
  -u, --user USER[:GROUP]  who runs it, by name or number
      --timeout SECONDS    kill it when it takes longer; exit status 124
      --engine ENGINE      where to look, see 'supermachine ps --help'
  -h, --help               this text

Variables, directory and user are the VM's own where nothing else is said.
Without us the command ends too.

Exit status: the command's; 128 + n when signal n ended it; 127 when it was not
found, 126 when it could not be run; 124 when --timeout passed; 125 when
supermachine itself failed, also for want of such a VM.
)";

inline constexpr const char* kLogsHelp =
    R"(usage: supermachine logs [OPTIONS] VM

Prints what the command of a detached VM wrote, to standard output and standard
error as the command did. The last 8 to 16 MiB of it are kept.

  -f, --follow      go on until the VM ends
  -n, --tail COUNT  only so many of the last lines; or "all", the default
      --since TIME  only what was written since: 2026-01-02T03:04:05Z, or how
                    long ago, such as 10m or 1h30m
  -t, --timestamps  begin each line with its time
      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help        this text
)";

inline constexpr const char* kStopHelp =
    R"(usage: supermachine stop [OPTIONS] VM...

Asks the command of each VM to end (SIGTERM), and ends the VM when it has not
done so in time. Prints the VMs as they were named.

  -t, --time SECONDS  how long to wait; default 10
      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help          this text
)";

inline constexpr const char* kKillHelp =
    R"(usage: supermachine kill [OPTIONS] VM...

Ends each VM at once, or sends another signal to its command.

  -s, --signal SIGNAL  by name or number; default KILL
      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help           this text
)";

inline constexpr const char* kRmHelp =
    R"(usage: supermachine rm [OPTIONS] NAME...

Removes what is left of VMs that have ended: their state and their log. A NAME
that no VM has is that of a bake, or of an image that was pulled, and these go
('supermachine images' lists them; 'prune' frees what only they needed).

  -f, --force   end VMs that run first; what is not there is no error
      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help    this text
)";

inline constexpr const char* kWaitHelp =
    R"(usage: supermachine wait [OPTIONS] VM...

Waits for each VM to end and prints the exit status of its command.

      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help    this text
)";

inline constexpr const char* kPortHelp =
    R"(usage: supermachine port [OPTIONS] VM

Lists the published ports of a VM that runs: "80/tcp -> 127.0.0.1:8080".

      --engine ENGINE  where to look, see 'supermachine ps --help'
  -h, --help    this text
)";

}  // namespace supermachine::cli
