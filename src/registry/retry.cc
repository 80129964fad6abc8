// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <thread>

#include "base/sys.h"
#include "registry/http_client.h"

namespace supermachine::registry {
namespace {

using std::chrono::milliseconds;

// Between half of `wait` and all of it: many who failed together do not come back together.
milliseconds with_jitter(milliseconds wait) {
  std::array<std::byte, 2> bytes{};
  if (!sys::random_bytes(bytes).ok()) return wait;
  const auto part =
      std::to_integer<std::int64_t>(bytes[0]) * 256 + std::to_integer<std::int64_t>(bytes[1]);
  return wait / 2 + wait / 2 * part / 65535;
}

}  // namespace

bool is_transient(const Error& error) {
  if (is_cancelled(error)) return false;
  return error.code() == Errc::kOs || error.code() == Errc::kTimeout ||
         error.code() == Errc::kExhausted;
}

bool Retry::again(const Error& error) {
  constexpr milliseconds kTick{20};
  if (!is_transient(error) || ++failures_ >= policy_.attempts) return false;
  milliseconds wait = policy_.first_wait;
  for (int i = 1; i < failures_ && wait < policy_.longest_wait; ++i) wait *= 2;
  wait = with_jitter(std::min(wait, policy_.longest_wait));
  if (asked_) wait = std::max(wait, std::min(*asked_, policy_.longest_retry_after));
  asked_.reset();
  const auto end = std::chrono::steady_clock::now() + wait;
  for (;;) {
    if (cancelled_ && cancelled_()) return false;
    const auto left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return true;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kTick));
  }
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::system_clock::time_point now) {
  constexpr std::int64_t kMost = 1'000'000;
  if (text.empty() || text.size() > 40) return std::nullopt;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    for (const char c : text) seconds = std::min(kMost, seconds * 10 + (c - '0'));
    return std::chrono::seconds(seconds);
  }
  struct tm parts {};
  const std::string date(text);
  const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::int64_t wait = ::timegm(&parts) - std::chrono::system_clock::to_time_t(now);
  return std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, kMost));
}

}  // namespace supermachine::registry
