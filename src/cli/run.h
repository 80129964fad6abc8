// SPDX-License-Identifier: Apache-2.0
// What `run` does before there is a VM, attended or not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "cli/start.h"

namespace supermachine::cli {

struct RunPlan {
  Prepared prepared;
  VmConfig config;                // complete unless the lab is to go on
  std::vector<std::string> argv;  // what the image and the options make together
};

// `on_image` is called when what the image says is known.
Result<RunPlan> plan_run(
    const RunOptions& options, const std::function<void()>& on_image = [] {});

}  // namespace supermachine::cli
