// SPDX-License-Identifier: Apache-2.0
// What the verbs about this host and about supermachine itself take, as tables.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr Option kJsonAndHelpOptions[] = {
    {.names = "--json", .text = "the same for programs"},
    kHelpOption,
};
inline constexpr OptionGroup kJsonAndHelpGroups[] = {{"", kJsonAndHelpOptions}};

inline constexpr const char* kDoctorUsage[] = {"doctor [--json]"};
inline constexpr Block kDoctorDescription[] = {
    {"Checks whether this host can run VMs: KVM, by running a guest of a few instructions; the "
     "lab, an emulated host for those without a KVM that works; the guest's kernel and agent; the "
     "cache; memory and processors. Each line says what was checked and, where something is "
     "missing, what to do. The last line is the verdict."}};
inline constexpr Definition kDoctorVariables[] = {kCacheVariable, kAssetsVariable, kLabVariable};
inline constexpr VerbHelp kDoctorHelp{
    .usage = kDoctorUsage,
    .description = kDoctorDescription,
    .groups = kJsonAndHelpGroups,
    .exit_status = "0 when VMs can run, on KVM or in the lab; 1 when not.",
    .environment = kDoctorVariables,
};

inline constexpr const char* kAssetsUsage[] = {"assets [--json]"};
inline constexpr Block kAssetsDescription[] = {
    {"Lists the places where the guest's kernel and agent are looked for, in this order, which of "
     "them was chosen and why the others were not; then what lies there: size, version, build."}};
inline constexpr Definition kAssetsVariables[] = {kAssetsVariable};
inline constexpr VerbHelp kAssetsHelp{
    .usage = kAssetsUsage,
    .description = kAssetsDescription,
    .groups = kJsonAndHelpGroups,
    .exit_status = "0 when there are a kernel and an agent; 1 when not.",
    .environment = kAssetsVariables,
};

inline constexpr const char* kCompletionUsage[] = {"completion bash|zsh|fish"};
inline constexpr Block kCompletionDescription[] = {
    {"Prints what makes a shell complete the words of a supermachine command with TAB: verbs, "
     "options, and the names of VMs, bakes and images that there are then. Packages install it; "
     "otherwise see the examples."}};
inline constexpr Option kOnlyHelpOptions[] = {kHelpOption};
inline constexpr OptionGroup kOnlyHelpGroups[] = {{"", kOnlyHelpOptions}};
inline constexpr const char* kCompletionExamples[] = {
    "source <(supermachine completion bash)    # in ~/.bashrc",
    "source <(supermachine completion zsh)     # in ~/.zshrc, behind compinit",
    "supermachine completion fish | source     # in ~/.config/fish/config.fish",
};
inline constexpr Argument kCompletionArguments[] = {{Value::kShell}};
inline constexpr VerbHelp kCompletionHelp{
    .usage = kCompletionUsage,
    .description = kCompletionDescription,
    .groups = kOnlyHelpGroups,
    .examples = kCompletionExamples,
    .arguments = kCompletionArguments,
};

}  // namespace supermachine::cli
