// SPDX-License-Identifier: Apache-2.0
// The whole program on one screen: a table of verbs, each a function of its arguments. The help,
// the manual pages and the shell completions are made of it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/bakes/help.h"
#include "cli/bench_help.h"
#include "cli/host_help.h"
#include "cli/inspect_help.h"
#include "cli/pull_help.h"
#include "cli/run_help.h"
#include "cli/snapshot_help.h"
#include "cli/verbs.h"
#include "cli/vms/help.h"

namespace supermachine::cli {

struct Verb {
  const char* name;
  const char* summary;
  Result<int> (*run)(Args args);
  const VerbHelp& help;
};

// clang-format off
inline constexpr std::array kVerbs{
    Verb{"run", "start an image or snapshot, run one command, exit with its status", run_verb, kRunHelp},
    Verb{"ps", "list the VMs that run detached (run -d)", ps_verb, kPsHelp},
    Verb{"exec", "run one more command in such a VM", exec_verb, kExecHelp},
    Verb{"logs", "print what its command wrote", logs_verb, kLogsHelp},
    Verb{"stop", "ask it to end", stop_verb, kStopHelp},
    Verb{"kill", "end it at once, or send it a signal", kill_verb, kKillHelp},
    Verb{"rm", "remove a VM that has ended, a bake or an image", rm_verb, kRmHelp},
    Verb{"wait", "wait for its end, print its exit status", wait_verb, kWaitHelp},
    Verb{"port", "list its published ports", port_verb, kPortHelp},
    Verb{"pull", "bring an image from a registry into the cache", pull_verb, kPullHelp},
    Verb{"bake", "boot an image once, keep it for 'run' to start from", bake_verb, kBakeHelp},
    Verb{"images", "list bakes and pulled images", images_verb, kImagesHelp},
    Verb{"prune", "free disk space", prune_verb, kPruneHelp},
    Verb{"snapshot", "keep a running image on disk, to start others from it", snapshot_verb, kSnapshotHelp},
    Verb{"inspect", "tell what a bake or snapshot is, whether this host can restore it", inspect_verb, kInspectHelp},
    Verb{"bench", "measure how fast an image or a snapshot starts and runs here", bench_verb, kBenchHelp},
    Verb{"doctor", "check whether this host can run VMs, and what to do if not", doctor_verb, kDoctorHelp},
    Verb{"assets", "show which kernel and agent VMs get, and from where", assets_verb, kAssetsHelp},
    Verb{"completion", "make a shell complete these words", completion_verb, kCompletionHelp},
};
// clang-format on

// Of the program as a whole.
inline constexpr const char* kProgramSummary = "run container images as virtual machines";
inline constexpr Block kProgramDescription[] = {
    {"Runs container images, each as a hardware-isolated virtual machine on KVM: one command in "
     "one VM, or VMs that go on detached. An image is booted once; from then on its VMs start in "
     "milliseconds. There is no daemon."},
    {"Each verb has a page of its own. Shells complete verbs, options and names: see "
     "supermachine-completion(1)."},
};
inline constexpr const char* kProgramExitStatus =
    "that of the verb; 125 when supermachine itself failed, with the reason on standard error.";
inline constexpr Definition kProgramVariables[] = {kCacheVariable, kBakesVariable, kAssetsVariable,
                                                   kRuntimeVariable, kLabVariable};
inline constexpr const char* kProgramExamples[] = {
    "supermachine run oci-archive:python.tar -- python3 -c 'print(6*7)'",
    "supermachine snapshot oci-archive:python.tar warm && supermachine run ./warm -- python3",
};

// What `supermachine --help` prints.
std::string program_help();

}  // namespace supermachine::cli
