// SPDX-License-Identifier: Apache-2.0
// What `supermachine snapshot` takes, as a table.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kSnapshotUsage[] = {
    "snapshot [OPTIONS] IMAGE DIRECTORY [[--] COMMAND [ARG...]]"};

inline constexpr Block kSnapshotDescription[] = {
    {"Starts IMAGE, runs COMMAND in it if there is one, and keeps the running machine in "
     "DIRECTORY. 'supermachine run DIRECTORY' goes on from there in milliseconds, as often as "
     "wanted. What COMMAND started and left running goes on too. If COMMAND fails, there is no "
     "snapshot. IMAGE is as 'supermachine run' takes it; a snapshot makes another one."},
    {"DIRECTORY is made; a snapshot that is there is replaced when the new one is complete."},
};

inline constexpr Option kSnapshotOwnOptions[] = {
    {.names = "--wait-ready",
     .argument = "[=SECONDS]",
     .text = "capture when a process of the guest has written a line to "
             "/run/supermachine/ready; default 60"},
    {.names = "--diff",
     .text = "only what differs from IMAGE, a snapshot, which is needed from then on"},
    {.names = "--include-rootfs",
     .text = "copy the root file system, so that DIRECTORY can be moved to another host"},
    {.names = "--drop-caches",
     .text = "have the guest give back its page cache: a smaller snapshot that starts colder"},
    {.names = "--no-rehearsal",
     .text = "do not start a copy to try it and to record which memory a start touches"},
};

inline constexpr Option kSnapshotCommandOptions[] = {
    kEnvOption,
    kEnvFileOption,
    kWorkdirOption,
    kUserOption,
    kEntrypointOption,
    {.names = "--timeout", .argument = "SECONDS", .text = "kill it when it takes longer"},
};

inline constexpr Option kSnapshotMachineOptions[] = {
    kMemoryOption,
    kVcpusOption,
    kHostnameOption,
    kBootTimeoutOption,
    kRestoreTimeoutOption,
    {.names = "--engine",
     .argument = "ENGINE",
     .text = "kvm, lab or auto, as 'supermachine run' has it",
     .value = Value::kEngine},
};

inline constexpr Option kSnapshotSayingOptions[] = {
    {.names = "--timing", .text = "when each stage was reached, on standard error"},
    {.names = "-q, --quiet", .text = "nothing but errors"},
    kHelpOption,
};

inline constexpr OptionGroup kSnapshotGroups[] = {{"The snapshot", kSnapshotOwnOptions},
                                                  {"The command", kSnapshotCommandOptions},
                                                  {"The machine", kSnapshotMachineOptions},
                                                  {"What is said", kSnapshotSayingOptions}};

inline constexpr Definition kSnapshotVariables[] = {kCacheVariable, kBakesVariable, kAssetsVariable,
                                                    kLabVariable};

inline constexpr const char* kSnapshotExamples[] = {
    "supermachine snapshot oci-archive:python.tar py",
    "supermachine snapshot -m 512 oci-archive:app.tar warm -- /app/warm-up",
    "supermachine snapshot --wait-ready oci-archive:app.tar warm -- sh -c 'serve &'",
    "supermachine snapshot --diff py numpy -- python3 -c 'import numpy'",
};

inline constexpr Argument kSnapshotArguments[] = {
    {Value::kImage}, {Value::kDirectory}, {Value::kCommand, true}};

inline constexpr VerbHelp kSnapshotHelp{
    .usage = kSnapshotUsage,
    .description = kSnapshotDescription,
    .groups = kSnapshotGroups,
    .exit_status =
        "0 when the snapshot is there; 125 when not, with the reason; 128 + n when "
        "signal n ended it. Then DIRECTORY is as it was.",
    .environment = kSnapshotVariables,
    .examples = kSnapshotExamples,
    .arguments = kSnapshotArguments,
};

}  // namespace supermachine::cli
