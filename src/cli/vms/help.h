// SPDX-License-Identifier: Apache-2.0
// What the verbs for detached VMs take, as tables.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr Definition kVmVariables[] = {kRuntimeVariable, kLabVariable};
inline constexpr Argument kOneVm[] = {{Value::kVm}};
inline constexpr Argument kVms[] = {{Value::kVm, true}};
inline constexpr Argument kRunningVms[] = {{Value::kRunningVm, true}};

inline constexpr const char* kPsUsage[] = {"ps [OPTIONS]"};
inline constexpr Block kPsDescription[] = {
    {"Lists the VMs that run detached ('supermachine run -d')."}};
inline constexpr Option kPsOptions[] = {
    {.names = "-a, --all", .text = "those that have ended too"},
    {.names = "-q, --quiet", .text = "their ids only"},
    {.names = "--no-trunc", .text = "whole ids and commands"},
    {.names = "--json", .text = "the same for programs"},
    {.names = "--engine",
     .argument = "ENGINE",
     .text = "where to look: kvm (this machine), lab, or auto: where 'run' would start one now; "
             "default",
     .value = Value::kEngine},
    kHelpOption,
};
inline constexpr OptionGroup kPsGroups[] = {{"", kPsOptions}};
inline constexpr VerbHelp kPsHelp{.usage = kPsUsage,
                                  .description = kPsDescription,
                                  .groups = kPsGroups,
                                  .environment = kVmVariables};

inline constexpr const char* kExecUsage[] = {"exec [OPTIONS] VM COMMAND [ARGUMENT...]"};
inline constexpr Block kExecDescription[] = {
    {"Runs one more command in a VM that runs detached, and ends with that command's exit status. "
     "VM is its name, its id, or the beginning of its id."}};
inline constexpr Option kExecOptions[] = {
    {.names = "-d, --detach",
     .text = "return once the command runs; nobody reads its output, and it ends with the VM"},
    {.names = "-i, --interactive", .text = "carry standard input to the command"},
    {.names = "-t, --tty", .text = "give it a terminal; usually as -it"},
    kEnvOption,
    kEnvFileOption,
    kWorkdirOption,
    kUserOption,
    {.names = "--timeout",
     .argument = "SECONDS",
     .text = "kill it when it takes longer; exit status 124"},
    kWhereOption,
    kHelpOption,
};
inline constexpr OptionGroup kExecGroups[] = {{"", kExecOptions}};
inline constexpr Block kExecNotes[] = {
    {"Variables, directory and user are the VM's own where nothing else is said. Without us, but "
     "with "
     "-d, the command ends too."}};
inline constexpr Argument kExecArguments[] = {{Value::kRunningVm}, {Value::kCommand, true}};
inline constexpr VerbHelp kExecHelp{
    .usage = kExecUsage,
    .description = kExecDescription,
    .groups = kExecGroups,
    .notes = kExecNotes,
    .exit_status =
        "the command's; 128 + n when signal n ended it; 127 when it was not found, 126 "
        "when it could not be run; 124 when --timeout passed; 125 when supermachine "
        "itself failed, also for want of such a VM.",
    .environment = kVmVariables,
    .arguments = kExecArguments,
};

inline constexpr const char* kLogsUsage[] = {"logs [OPTIONS] VM"};
inline constexpr Block kLogsDescription[] = {
    {"Prints what the command of a detached VM wrote, to standard output and standard error as the "
     "command did. The last 8 to 16 MiB of it are kept."}};
inline constexpr Option kLogsOptions[] = {
    {.names = "-f, --follow", .text = "go on until the VM ends"},
    {.names = "-n, --tail",
     .argument = "COUNT",
     .text = "only so many of the last lines; or \"all\", the default"},
    {.names = "--since",
     .argument = "TIME",
     .text = "only what was written since: 2026-01-02T03:04:05Z, or how long ago, such as 10m or "
             "1h30m"},
    {.names = "-t, --timestamps", .text = "begin each line with its time"},
    kWhereOption,
    kHelpOption,
};
inline constexpr OptionGroup kLogsGroups[] = {{"", kLogsOptions}};
inline constexpr VerbHelp kLogsHelp{.usage = kLogsUsage,
                                    .description = kLogsDescription,
                                    .groups = kLogsGroups,
                                    .environment = kVmVariables,
                                    .arguments = kOneVm};

inline constexpr const char* kStopUsage[] = {"stop [OPTIONS] VM..."};
inline constexpr Block kStopDescription[] = {
    {"Asks the command of each VM to end, and ends the VM when it has not done so in time. Prints "
     "the VMs as they were named."}};
inline constexpr Option kStopOptions[] = {
    {.names = "-t, --time",
     .argument = "SECONDS",
     .text = "how long to wait; default 10",
     .also = "--timeout"},
    {.names = "-s, --signal",
     .argument = "SIGNAL",
     .text = "what asks it, by name or number; default that of 'run --stop-signal', of the image, "
             "or TERM",
     .value = Value::kSignal},
    kWhereOption,
    kHelpOption,
};
inline constexpr OptionGroup kStopGroups[] = {{"", kStopOptions}};
inline constexpr VerbHelp kStopHelp{.usage = kStopUsage,
                                    .description = kStopDescription,
                                    .groups = kStopGroups,
                                    .environment = kVmVariables,
                                    .arguments = kRunningVms};

inline constexpr const char* kKillUsage[] = {"kill [OPTIONS] VM..."};
inline constexpr Block kKillDescription[] = {
    {"Ends each VM at once, or sends another signal to its command."}};
inline constexpr Option kKillOptions[] = {
    {.names = "-s, --signal",
     .argument = "SIGNAL",
     .text = "by name or number; default KILL",
     .value = Value::kSignal},
    kWhereOption,
    kHelpOption,
};
inline constexpr OptionGroup kKillGroups[] = {{"", kKillOptions}};
inline constexpr VerbHelp kKillHelp{.usage = kKillUsage,
                                    .description = kKillDescription,
                                    .groups = kKillGroups,
                                    .environment = kVmVariables,
                                    .arguments = kRunningVms};

inline constexpr const char* kRmUsage[] = {"rm [OPTIONS] NAME..."};
inline constexpr Block kRmDescription[] = {
    {"Removes what is left of VMs that have ended: their state and their log. A NAME that no VM "
     "has is that of a bake, or of an image that was pulled, and these go ('supermachine images' "
     "lists them; 'prune' frees what only they needed)."}};
inline constexpr Option kRmOptions[] = {
    {.names = "-f, --force", .text = "end VMs that run first; what is not there is no error"},
    kWhereOption,
    kHelpOption,
};
inline constexpr OptionGroup kRmGroups[] = {{"", kRmOptions}};
inline constexpr Definition kRmVariables[] = {kRuntimeVariable, kCacheVariable, kBakesVariable,
                                              kLabVariable};
inline constexpr Argument kRmArguments[] = {{Value::kKept, true}};
inline constexpr VerbHelp kRmHelp{.usage = kRmUsage,
                                  .description = kRmDescription,
                                  .groups = kRmGroups,
                                  .environment = kRmVariables,
                                  .arguments = kRmArguments};

inline constexpr Option kOnlyWhereOptions[] = {kWhereOption, kHelpOption};
inline constexpr OptionGroup kOnlyWhereGroups[] = {{"", kOnlyWhereOptions}};

inline constexpr const char* kWaitUsage[] = {"wait [OPTIONS] VM..."};
inline constexpr Block kWaitDescription[] = {
    {"Waits for each VM to end and prints the exit status of its command."}};
inline constexpr VerbHelp kWaitHelp{.usage = kWaitUsage,
                                    .description = kWaitDescription,
                                    .groups = kOnlyWhereGroups,
                                    .environment = kVmVariables,
                                    .arguments = kVms};

inline constexpr const char* kPortUsage[] = {"port [OPTIONS] VM"};
inline constexpr Block kPortDescription[] = {
    {"Lists the published ports of a VM that runs: \"80/tcp -> 127.0.0.1:8080\"."}};
inline constexpr Argument kPortArguments[] = {{Value::kRunningVm}};
inline constexpr VerbHelp kPortHelp{.usage = kPortUsage,
                                    .description = kPortDescription,
                                    .groups = kOnlyWhereGroups,
                                    .environment = kVmVariables,
                                    .arguments = kPortArguments};

}  // namespace supermachine::cli
