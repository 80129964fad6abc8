// SPDX-License-Identifier: Apache-2.0
// What verb_table.h is made of. Each verb is a file of its own.
#pragma once

#include <span>
#include <string>

#include "supermachine/result.h"

namespace supermachine::cli {

using Args = std::span<char* const>;  // without the program's name and the verb

// As docker has them.
inline constexpr int kOwnFailure = 125;
inline constexpr int kSignalBase = 128;

// The verb that `run -d` starts; in no table, as it is not for people.
inline constexpr const char* kRunDetached = "run-detached";

// Each returns the exit status of the program.
Result<int> run_verb(Args args);
Result<int> pull_verb(Args args);
Result<int> bake_verb(Args args);
Result<int> images_verb(Args args);
Result<int> prune_verb(Args args);
Result<int> snapshot_verb(Args args);
Result<int> inspect_verb(Args args);
Result<int> bench_verb(Args args);
Result<int> doctor_verb(Args args);
Result<int> assets_verb(Args args);
Result<int> completion_verb(Args args);
Result<int> ps_verb(Args args);
Result<int> exec_verb(Args args);
Result<int> logs_verb(Args args);
Result<int> stop_verb(Args args);
Result<int> kill_verb(Args args);
Result<int> rm_verb(Args args);
Result<int> wait_verb(Args args);
Result<int> port_verb(Args args);
Result<int> run_detached_verb(Args args);  // the process of a detached VM

// One line for people on standard error: "supermachine: MESSAGE".
void say(const std::string& message);

}  // namespace supermachine::cli
