// SPDX-License-Identifier: Apache-2.0
// What `supermachine bench` was asked for, read from its arguments.
#pragma once

#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "cli/verbs.h"

namespace supermachine::cli {

struct BenchOptions : MachineOptions {
  std::string image;
  std::uint32_t rounds = 20;
  std::vector<std::uint32_t> vms = {1, 16};  // how many are alive meanwhile
  std::vector<std::string> command = {"/bin/true"};
  bool json = false;
  bool help = false;  // then nothing else is set
};

Result<BenchOptions> parse_bench_options(Args args);

}  // namespace supermachine::cli
