// SPDX-License-Identifier: Apache-2.0
// A point in time after which waiting is an error. Everything that waits takes one.
#pragma once

#include <algorithm>
#include <chrono>

namespace supermachine {

using Deadline = std::chrono::steady_clock::time_point;

[[nodiscard]] inline Deadline deadline_in(std::chrono::steady_clock::duration from_now) {
  const auto now = std::chrono::steady_clock::now();
  return from_now >= Deadline::max() - now ? Deadline::max() : now + from_now;
}

// What is left, for poll(2) and epoll_wait(2): rounded up, never negative, -1 for no deadline.
[[nodiscard]] inline int poll_timeout_ms(Deadline deadline) {
  if (deadline == Deadline::max()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(
      std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 1'000'000'000));
}

}  // namespace supermachine
