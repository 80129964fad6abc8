// SPDX-License-Identifier: Apache-2.0
// When to try again, and how long to wait before: exponential back-off with jitter.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::registry {

struct RetryPolicy {
  int attempts = 6;  // in a row that brought nothing
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{30'000};
  std::chrono::milliseconds longest_retry_after{120'000};  // that a server may ask for
};

// Of one request that may be repeated.
class Retry {
 public:
  // `cancelled` may be empty.
  Retry(const RetryPolicy& policy, const std::function<bool()>& cancelled)
      : policy_(policy), cancelled_(cancelled) {}

  // Whether there should be another attempt after this failure; if so, it has waited.
  bool again(const Error& error);
  // Bytes came: the failures before this one do not count.
  void progressed() { failures_ = 0; }
  // The server asks to wait so long: the next again() does.
  void ask_to_wait(std::chrono::milliseconds time) { asked_ = time; }
  // The status of the last answer; 0 before one.
  void saw(int status) { status_ = status; }
  [[nodiscard]] int last_status() const { return status_; }

 private:
  const RetryPolicy& policy_;               // not owned
  const std::function<bool()>& cancelled_;  // not owned
  int failures_ = 0;
  int status_ = 0;
  std::optional<std::chrono::milliseconds> asked_;
};

// Whether another attempt could help: no answer, half an answer, or "not now".
[[nodiscard]] bool is_transient(const Error& error);

// A Retry-After header: seconds or a date (RFC 9110, 10.2.3). `now` is the time of day.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace supermachine::registry
