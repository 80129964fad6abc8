// SPDX-License-Identifier: Apache-2.0
// What `supermachine run` takes, as a table.
#pragma once

#include "cli/help/table.h"

namespace supermachine::cli {

inline constexpr const char* kRunUsage[] = {
    "run [OPTIONS] IMAGE [OPTIONS] [[--] COMMAND [ARGUMENT...]]"};

inline constexpr Definition kRunImages[] = {
    {"[HOST/]NAME[:TAG][@DIGEST]",
     "a registry's, as docker has it; pulled when it is not in the cache"},
    {"oci-archive:FILE[:TAG]", "a tar, as podman, skopeo and buildah write it"},
    {"oci-layout:DIRECTORY[:TAG]", "the same as a directory"},
    {"docker-archive:FILE[:NAME:TAG]", "what docker save writes"},
    {"[snapshot:]DIRECTORY", "what 'supermachine snapshot' wrote"},
    {"BAKE", "the name of what 'supermachine bake' made"},
};

inline constexpr Block kRunDescription[] = {
    {"Starts IMAGE as a virtual machine, runs one command in it, and ends with that command's "
     "exit status. Without COMMAND it runs what the image says."},
    {"IMAGE is one of", kRunImages},
    {"An image is booted once and kept as a bake, from which it starts in milliseconds from then "
     "on; one that 'supermachine bake' made of it comes first."},
};

inline constexpr Option kRunCommandOptions[] = {
    {.names = "-i, --interactive", .text = "carry standard input to the command"},
    {.names = "-t, --tty", .text = "give it a terminal; usually as -it"},
    kEnvOption,
    kEnvFileOption,
    kWorkdirOption,
    kUserOption,
    kEntrypointOption,
    {.names = "--timeout",
     .argument = "SECONDS",
     .text = "kill it when it takes longer; exit status 124"},
};

inline constexpr Option kRunMachineOptions[] = {
    {.names = "--no-bake", .text = "boot, and keep nothing; so do --console, --console-log"},
    kPullOption,
    kMemoryOption,
    kVcpusOption,
    kHostnameOption,
    kBootTimeoutOption,
    kRestoreTimeoutOption,
    {.names = "--payload",
     .argument = "FILE",
     .text = "what a snapshot's workload is to work on; - for standard input",
     .value = Value::kFile},
    {.names = "--engine",
     .argument = "ENGINE",
     .text = "kvm: on this host's KVM or not at all\n"
             "lab: in the lab, an emulated host, which is slow\n"
             "auto: the lab where this host's KVM fails; default",
     .value = Value::kEngine},
};

inline constexpr Option kRunDetachedOptions[] = {
    {.names = "-d, --detach",
     .text = "print the VM's id once its command runs, and return; see 'supermachine ps', exec, "
             "logs, stop, rm --help"},
    {.names = "--name",
     .argument = "NAME",
     .text = "what the VM is called then; else a name is made up"},
    {.names = "--stop-signal",
     .argument = "SIGNAL",
     .text = "how 'supermachine stop' asks the command to end, which is for VMs that run "
             "detached, by name or number; default the image's, or TERM",
     .value = Value::kSignal},
    {.names = "--rm", .text = "keep nothing of the VM when it has ended"},
    {.names = "-p, --publish",
     .argument = "[[IP:]HOSTPORT:]GUESTPORT",
     .text = "let programs of the host connect to a port of the guest; IP is 127.0.0.1 where it "
             "is left out, HOSTPORT a free one",
     .repeats = true},
};

inline constexpr Option kRunSayingOptions[] = {
    {.names = "--console", .text = "the guest's console, on standard error"},
    {.names = "--console-log",
     .argument = "FILE",
     .text = "the guest's console, in a file",
     .value = Value::kFile},
    {.names = "--timing", .text = "when each stage was reached, on standard error"},
    {.names = "-q, --quiet", .text = "no messages of our own but errors"},
    kHelpOption,
};

inline constexpr OptionGroup kRunGroups[] = {{"The command", kRunCommandOptions},
                                             {"The machine", kRunMachineOptions},
                                             {"Detached, and ports", kRunDetachedOptions},
                                             {"What is said", kRunSayingOptions}};

inline constexpr Block kRunNotes[] = {
    {"Memory and vCPUs of a snapshot or a named bake are as they were captured."},
    {"Signals go to the command. A second Ctrl-C ends the machine."},
};

inline constexpr Definition kRunVariables[] = {kCacheVariable, kBakesVariable, kAssetsVariable,
                                               kRuntimeVariable, kLabVariable};

inline constexpr const char* kRunExamples[] = {
    "supermachine run oci-archive:python.tar -- python3 -c 'print(6*7)'",
    "supermachine run oci-layout:./layout --memory 512 --env A=b -- env",
    "echo hello | supermachine run -i oci-archive:busybox.tar -- cat",
    "supermachine run -it oci-archive:busybox.tar -- sh",
    "supermachine run -d -p 8080:80 --name web oci-archive:nginx.tar",
    "supermachine run ./snapshot -- python3 -c 'print(6*7)'",
};

inline constexpr Argument kRunArguments[] = {{Value::kImage}, {Value::kCommand, true}};

inline constexpr VerbHelp kRunHelp{
    .usage = kRunUsage,
    .description = kRunDescription,
    .groups = kRunGroups,
    .notes = kRunNotes,
    .exit_status =
        "the command's; 128 + n when signal n ended it; 127 when it was not found, 126 "
        "when it could not be run; 124 when --timeout passed; 125 when supermachine "
        "itself failed.",
    .environment = kRunVariables,
    .examples = kRunExamples,
    .arguments = kRunArguments,
};

}  // namespace supermachine::cli
