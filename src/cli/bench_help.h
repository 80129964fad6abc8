// SPDX-License-Identifier: Apache-2.0
// What `supermachine bench` takes, as a table.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kBenchUsage[] = {"bench [OPTIONS] IMAGE [[--] COMMAND [ARGUMENT...]]"};

inline constexpr Definition kBenchMeasures[] = {
    {"cold boot", "from the call to the agent's answer, with the image unpacked"},
    {"restore", "the same from the snapshot"},
    {"first exec", "COMMAND in a restored VM, from the call to its exit status"},
    {"exec again", "the same once more"},
    {"pool cycle", "acquire from a pool of one, COMMAND, release with its reset"},
    {"memory", "written by this process for each idle VM, after one COMMAND"},
};

inline constexpr Block kBenchDescription[] = {
    {"Measures what VMs of IMAGE cost on this host, with COMMAND as their work, by default "
     "/bin/true. IMAGE is as 'supermachine run' takes it. If it is no snapshot, cold boots are "
     "measured too, and the rest with a snapshot that is made for it and gone afterwards.",
     kBenchMeasures},
};

inline constexpr Option kBenchOptions[] = {
    {.names = "--rounds",
     .argument = "N",
     .text = "how often each is measured; default 20, cold boots 5 at most"},
    {.names = "--vms",
     .argument = "N",
     .text = "how many VMs are alive meanwhile; several times for several tables; default 1 and 16",
     .repeats = true},
    {.names = "--json", .text = "for programs"},
    kMemoryOption,
    kVcpusOption,
    kHostnameOption,
    kBootTimeoutOption,
    kRestoreTimeoutOption,
    {.names = "--engine",
     .argument = "ENGINE",
     .text = "kvm, lab or auto, as 'supermachine run' has it; times in the lab, an emulated host, "
             "can only be compared with each other",
     .value = Value::kEngine},
    {.names = "-q, --quiet", .text = "nothing but results and errors"},
    kHelpOption,
};

inline constexpr OptionGroup kBenchGroups[] = {{"", kBenchOptions}};

inline constexpr Definition kBenchVariables[] = {kCacheVariable, kAssetsVariable, kLabVariable};

inline constexpr Argument kBenchArguments[] = {{Value::kImage}, {Value::kCommand, true}};

inline constexpr VerbHelp kBenchHelp{
    .usage = kBenchUsage,
    .description = kBenchDescription,
    .groups = kBenchGroups,
    .exit_status = "0; 125 when something failed.",
    .environment = kBenchVariables,
    .arguments = kBenchArguments,
};

}  // namespace supermachine::cli
