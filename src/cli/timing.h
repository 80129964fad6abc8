// SPDX-License-Identifier: Apache-2.0
// When a run reached each of its stages (--timing; docs/guide/run.md).
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "supermachine/vm.h"

namespace supermachine::cli {

class Timing {
 public:
  using Clock = std::chrono::steady_clock;

  void mark(std::string stage) { add(std::move(stage), Clock::now()); }
  // The stages of a start that began at `begin`.
  void add_start(Clock::time_point begin, const StartTimings& timings);

  // "timing: STAGE MILLISECONDS" each, counted from our creation, to standard error.
  void print() const;

 private:
  void add(std::string stage, Clock::time_point when) {
    stages_.emplace_back(std::move(stage), when - begin_);
  }
  const Clock::time_point begin_ = Clock::now();
  std::vector<std::pair<std::string, Clock::duration>> stages_;
};

}  // namespace supermachine::cli
