// SPDX-License-Identifier: Apache-2.0
#include "pool/use_estimate.h"

#include <algorithm>

namespace supermachine {

void UseEstimate::add(std::uint64_t bytes) {
  uses_[next_] = bytes;
  next_ = (next_ + 1) % kRemembered;
}

std::uint64_t UseEstimate::largest() const { return *std::ranges::max_element(uses_); }

std::uint64_t UseEstimate::of_one(std::uint64_t budget) const {
  return std::min(std::max(largest(), kFirstGuess), budget);
}

}  // namespace supermachine
