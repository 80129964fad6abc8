// SPDX-License-Identifier: Apache-2.0
// Where the milliseconds go between `run` and the first byte from the guest. Recorded always (a
// clock read per step), printed by `supermachine run --timing`, compared by bench/.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace supermachine {

enum class BootStep : std::size_t {
  kKvmReady,      // VM and vCPUs exist
  kMemoryReady,   // guest memory mapped; for a restore, the snapshot file is attached
  kDevicesReady,  // every device constructed or restored
  kFirstEntry,    // first KVM_RUN
  kAgentReady,    // the agent said hello
  kCount,
};

class BootTrace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit BootTrace(Clock::time_point start = Clock::now()) : start_(start) {}
  void mark(BootStep step, Clock::time_point now = Clock::now()) { at_[index(step)] = now; }

  // Time from the start; empty if the step was never reached.
  [[nodiscard]] std::optional<Clock::duration> reached(BootStep step) const {
    const auto at = at_[index(step)];
    return at ? std::optional(*at - start_) : std::nullopt;
  }

 private:
  static std::size_t index(BootStep step) { return static_cast<std::size_t>(step); }

  Clock::time_point start_;
  std::array<std::optional<Clock::time_point>, static_cast<std::size_t>(BootStep::kCount)> at_{};
};

}  // namespace supermachine
