// SPDX-License-Identifier: Apache-2.0
// How long something took, again and again: the tail of the last few thousand times.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace supermachine {

// Needs a lock around it.
class Latencies {
 public:
  struct Summary {
    std::uint64_t count = 0;  // of all times
    std::chrono::nanoseconds p50{};
    std::chrono::nanoseconds p95{};
    std::chrono::nanoseconds p99{};
  };

  void add(std::chrono::nanoseconds took);
  [[nodiscard]] Summary summary() const;

 private:
  static constexpr std::size_t kKept = 4096;
  std::vector<std::chrono::nanoseconds> last_;  // a ring once it is full
  std::uint64_t count_ = 0;
};

}  // namespace supermachine
