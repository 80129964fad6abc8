// SPDX-License-Identifier: Apache-2.0
// What the verbs that make and keep bakes take, as tables.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kBakeUsage[] = {"bake [OPTIONS] IMAGE [[--] COMMAND [ARGUMENT...]]"};

inline constexpr Block kBakeDescription[] = {
    {"Boots IMAGE once and keeps it as a snapshot, from which 'supermachine run' and 'run -d' "
     "start in milliseconds. COMMAND replaces the image's entrypoint and cmd, the workload that "
     "'run -d' starts. A bake that is there is found, not made again, unless an option or the "
     "image has changed. Prints the name of the bake."},
    {"IMAGE is what 'run' takes, but no snapshot."},
};

inline constexpr Option kBakeMomentOptions[] = {
    {.names = "--listener",
     .text = "with the workload running, once it listens on its port; otherwise before it starts"},
    {.names = "--port",
     .argument = "PORT",
     .text = "where the workload listens; default: the lowest port the image exposes, or 80"},
    {.names = "--listener-timeout",
     .argument = "SECONDS",
     .text = "how long it may take to listen; default 7"},
    {.names = "--warmup",
     .argument = "COMMAND",
     .text = "run COMMAND with sh in the VM first, after the workload listens if the image exposes "
             "a port; may be repeated",
     .repeats = true},
    {.names = "--warmup-tag",
     .argument = "TAG",
     .text = "make a warm bake again when TAG changes; default: when the commands do"},
};

inline constexpr Option kBakeGuestOptions[] = {
    kMemoryOption,
    kVcpusOption,
    {.names = "-e, --env",
     .argument = "NAME[=VALUE]",
     .text = "set a variable, for the workload and all commands",
     .repeats = true},
    kEnvFileOption,
    {.names = "--file",
     .argument = "HOST:GUEST",
     .text = "put a file of this host at the absolute path GUEST",
     .value = Value::kFile,
     .repeats = true},
    {.names = "--kernel-arg",
     .argument = "WORD",
     .text = "one more word for the kernel's command line",
     .repeats = true},
    {.names = "--boot-timeout",
     .argument = "SECONDS",
     .text = "how long the boot may take; default 30"},
};

inline constexpr Option kBakeOwnOptions[] = {
    {.names = "--name", .argument = "NAME", .text = "what it is called; default: made from IMAGE"},
    kPullOption,
    kPlatformOption,
    {.names = "--engine",
     .argument = "ENGINE",
     .text = "kvm, lab or auto; see 'supermachine run --help'",
     .value = Value::kEngine},
    {.names = "-q, --quiet", .text = "no progress, only the name"},
    {.names = "--json",
     .text = "progress on standard error and the result as JSON, an object a line"},
    kHelpOption,
};

inline constexpr OptionGroup kBakeGroups[] = {{"What is captured", kBakeMomentOptions},
                                              {"The guest", kBakeGuestOptions},
                                              {"The bake", kBakeOwnOptions}};

inline constexpr Block kBakeNotes[] = {
    {"Bakes are in $SUPERMACHINE_SNAPSHOTS_DIR, or ~/.local/supermachine-snapshots."}};

inline constexpr Definition kBakeVariables[] = {kCacheVariable, kBakesVariable, kAssetsVariable,
                                                kLabVariable};

inline constexpr const char* kBakeExamples[] = {
    "supermachine bake --listener nginx:1.27-alpine",
    "supermachine bake --name py -m 512 --warmup 'python3 -c \"import numpy\"' python:3.12",
    "supermachine run py -- python3 -c 'import numpy'",
};

inline constexpr Argument kBakeArguments[] = {{Value::kImage}, {Value::kCommand, true}};

inline constexpr VerbHelp kBakeHelp{
    .usage = kBakeUsage,
    .description = kBakeDescription,
    .groups = kBakeGroups,
    .notes = kBakeNotes,
    .environment = kBakeVariables,
    .examples = kBakeExamples,
    .arguments = kBakeArguments,
};

inline constexpr const char* kImagesUsage[] = {"images [OPTIONS]"};
inline constexpr Block kImagesDescription[] = {
    {"Lists bakes, and images that were pulled from registries."}};
inline constexpr Option kImagesOptions[] = {
    {.names = "-q, --quiet", .text = "names and references only"},
    {.names = "--json", .text = "the same for programs"},
    kHelpOption,
};
inline constexpr OptionGroup kImagesGroups[] = {{"", kImagesOptions}};
inline constexpr Definition kImagesVariables[] = {kCacheVariable, kBakesVariable};
inline constexpr VerbHelp kImagesHelp{.usage = kImagesUsage,
                                      .description = kImagesDescription,
                                      .groups = kImagesGroups,
                                      .environment = kImagesVariables};

inline constexpr const char* kPruneUsage[] = {"prune [OPTIONS]"};
inline constexpr Block kPruneDescription[] = {
    {"Frees disk space: removes downloaded blobs that no image needs any more, and what "
     "interrupted downloads, imports and bakes left."}};
inline constexpr Option kPruneOptions[] = {
    {.names = "-a, --all",
     .text = "bakes too, and root file systems that no pulled image needs; those are made again "
             "when an image is used"},
    {.names = "--older-than",
     .argument = "AGE",
     .text = "bakes that nobody used for so long: 45m, 12h, 30d"},
    {.names = "-f, --force", .text = "do not ask"},
    kHelpOption,
};
inline constexpr OptionGroup kPruneGroups[] = {{"", kPruneOptions}};
inline constexpr VerbHelp kPruneHelp{.usage = kPruneUsage,
                                     .description = kPruneDescription,
                                     .groups = kPruneGroups,
                                     .environment = kImagesVariables};

}  // namespace supermachine::cli
