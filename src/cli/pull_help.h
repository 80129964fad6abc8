// SPDX-License-Identifier: Apache-2.0
// What `supermachine pull` takes, as a table.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kPullUsage[] = {"pull [OPTIONS] REFERENCE"};
inline constexpr Block kPullDescription[] = {
    {"Downloads an image from its registry and unpacks it into the cache, so that 'supermachine "
     "run REFERENCE' starts at once. What is there already is not downloaded again. Prints the "
     "reference and the manifest's digest."},
    {"REFERENCE is [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST] as docker has it; without a host it "
     "is docker.io's."},
};
inline constexpr Option kPullOptions[] = {
    kPlatformOption,
    {.names = "--policy",
     .argument = "WHEN",
     .text = "when the registry is asked: always, which is the default here; missing: when it is "
             "not in the cache; never",
     .value = Value::kPullPolicy,
     .also = "--pull"},
    {.names = "-q, --quiet", .text = "no progress, only the result"},
    {.names = "--json",
     .text = "progress on standard error and the result as JSON, an object a line"},
    kHelpOption,
};
inline constexpr OptionGroup kPullGroups[] = {{"", kPullOptions}};
inline constexpr Block kPullNotes[] = {
    {"Users and passwords are those of 'docker login' and 'podman login'. Mirrors and registries "
     "without TLS: docs/guide/registries.md."}};
inline constexpr Definition kPullVariables[] = {
    kCacheVariable,
    {"SUPERMACHINE_REGISTRIES",
     "the file of mirrors and exceptions; default $XDG_CONFIG_HOME/supermachine/registries.json"},
};
inline constexpr Argument kPullArguments[] = {{Value::kPulled}};
inline constexpr VerbHelp kPullHelp{
    .usage = kPullUsage,
    .description = kPullDescription,
    .groups = kPullGroups,
    .notes = kPullNotes,
    .environment = kPullVariables,
    .arguments = kPullArguments,
};

}  // namespace supermachine::cli
