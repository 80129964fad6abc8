// SPDX-License-Identifier: Apache-2.0
#include "cli/timing.h"

#include <cstdio>

namespace supermachine::cli {

void Timing::add_start(Clock::time_point begin, const StartTimings& timings) {
  if (timings.restored) add("memory mapped", begin + timings.memory_ready);
  add("VM created", begin + timings.vm_created);
  add(timings.restored ? "guest resumed" : "kernel entered", begin + timings.kernel_entered);
  add("agent up", begin + timings.agent_ready);
}

void Timing::print() const {
  for (const auto& [stage, reached] : stages_) {
    const std::chrono::duration<double, std::milli> ms = reached;
    std::fprintf(stderr, "timing: %-14s %10.3f ms\n", stage.c_str(), ms.count());
  }
}

}  // namespace supermachine::cli
