// SPDX-License-Identifier: Apache-2.0
// The help of `supermachine bench`.
#pragma once

namespace supermachine::cli {

inline constexpr const char* kBenchHelp =
    R"(usage: supermachine bench [OPTIONS] IMAGE [[--] COMMAND [ARGUMENT...]]

Measures what VMs of IMAGE cost on this host, with COMMAND as their work, by
default /bin/true. IMAGE is as 'supermachine run' takes it. If it is no snapshot,
cold boots are measured too, and the rest with a snapshot that is made for it and
gone afterwards.

  cold boot    from the call to the agent's answer, with the image unpacked
  restore      the same from the snapshot
  first exec   COMMAND in a restored VM, from the call to its exit status
  exec again   the same once more
  pool cycle   acquire from a pool of one, COMMAND, release with its reset
  memory       written by this process for each idle VM, after one COMMAND

      --rounds N           how often each is measured; default 20, cold boots
                           5 at most
      --vms N              how many VMs are alive meanwhile; several times for
                           several tables; default 1 and 16
      --json               for programs
  -m, --memory SIZE        MiB, or with k, m or g; default 256
      --vcpus COUNT        processors, 1 to 32; default 1 (also --cpus)
      --hostname NAME      default supermachine
      --boot-timeout SECONDS     how long a boot may take; default 30
      --restore-timeout SECONDS  the same for a snapshot; default 10
      --engine ENGINE      kvm, lab or auto, as 'supermachine run' has it; times
                           in the lab, an emulated host, can only be compared
                           with each other
  -q, --quiet              nothing but results and errors
  -h, --help               this text

Exit status: 0; 125 when something failed.
)";

}  // namespace supermachine::cli
