// SPDX-License-Identifier: Apache-2.0
// `run -d`, the attended half: starts the VM's process and waits until its VM runs.
#pragma once

#include "cli/engine.h"
#include "cli/run_options.h"
#include "cli/verbs.h"

namespace supermachine::cli {

// Prints the VM's id and returns 0, or the exit status of the process that failed, which has said
// why. `args` are those of `run`.
Result<int> detach(const RunOptions& options, const EngineChoice& engine, Args args);

}  // namespace supermachine::cli
