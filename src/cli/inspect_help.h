// SPDX-License-Identifier: Apache-2.0
// What `supermachine inspect` takes, as a table.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kInspectUsage[] = {"inspect [--json] [--verify] DIRECTORY|BAKE"};
inline constexpr Block kInspectDescription[] = {
    {"Tells what the snapshot in DIRECTORY, or the bake of that name, is: of which image, how "
     "large, for which processors, what it needs beside itself, and what keeps this host from "
     "restoring it, if anything does. Needs no KVM."}};
inline constexpr Option kInspectOptions[] = {
    {.names = "--verify", .text = "also read all of its memory and compare the checksums"},
    {.names = "--json", .text = "the same for programs"},
    kHelpOption,
};
inline constexpr OptionGroup kInspectGroups[] = {{"", kInspectOptions}};
inline constexpr Definition kInspectVariables[] = {kBakesVariable};
inline constexpr Argument kInspectArguments[] = {{Value::kSnapshot}};
inline constexpr VerbHelp kInspectHelp{
    .usage = kInspectUsage,
    .description = kInspectDescription,
    .groups = kInspectGroups,
    .exit_status =
        "0 for a snapshot in order, also when this host cannot restore it; 125 when "
        "there is none, or it is damaged.",
    .environment = kInspectVariables,
    .arguments = kInspectArguments,
};

}  // namespace supermachine::cli
