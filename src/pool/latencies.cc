// SPDX-License-Identifier: Apache-2.0
#include "pool/latencies.h"

#include <algorithm>

namespace supermachine {

void Latencies::add(std::chrono::nanoseconds took) {
  if (last_.size() < kKept) {
    last_.push_back(took);
  } else {
    last_[count_ % kKept] = took;
  }
  ++count_;
}

Latencies::Summary Latencies::summary() const {
  if (last_.empty()) return {};
  std::vector<std::chrono::nanoseconds> sorted = last_;
  std::ranges::sort(sorted);
  const auto at = [&](std::size_t percent) {
    return sorted[std::min(sorted.size() * percent / 100, sorted.size() - 1)];
  };
  return {.count = count_, .p50 = at(50), .p95 = at(95), .p99 = at(99)};
}

}  // namespace supermachine
