// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/sys.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxLine = 1024;
constexpr std::string_view kPanic = "Kernel panic - not syncing";
constexpr std::array<std::string_view, 3> kHaltMessages{
    "reboot: System halted", "reboot: Power down",
    "reboot: Power off not available: System halted"};

bool says_halt(std::string_view line) {
  return std::ranges::any_of(kHaltMessages, [line](std::string_view message) {
    return line.find(message) != std::string_view::npos;
  });
}

}  // namespace

void Console::put(char c) {
  bool halting = false;
  {
    const MutexLock lock(mutex_);
    if (c == '\r') return;
    line_ += c;
    if (c != '\n' && line_.size() < kMaxLine) return;
    halting = end_line();
  }
  if (halting) on_halt_message_();
}

void Console::clear() {
  const MutexLock lock(mutex_);
  tail_.clear();
  line_.clear();
  panic_at_ = std::string::npos;
}

bool Console::end_line() {
  if (fd_ >= 0 && forwarded_ < kMaxForwardedBytes) {
    forwarded_ += line_.size();
    static_cast<void>(sys::try_write(fd_, std::as_bytes(std::span(line_))).ok());  // best effort
  }
  const bool halting = says_halt(line_);
  if (panic_at_ == std::string::npos && line_.find(kPanic) != std::string::npos)
    panic_at_ = tail_.size();
  // After a panic the beginning matters more than the end.
  if (tail_.size() + line_.size() <= kTailBytes) {
    tail_ += line_;
  } else if (panic_at_ == std::string::npos) {
    tail_ += line_;
    const std::size_t newline = tail_.find('\n', tail_.size() - kTailBytes);
    tail_.erase(0, newline == std::string::npos ? tail_.size() - kTailBytes : newline + 1);
  }
  line_.clear();
  return halting;
}

std::string Console::last_lines(std::size_t max_lines) const {
  const MutexLock lock(mutex_);
  const std::string_view all = tail_;
  if (panic_at_ != std::string::npos) {
    std::size_t end = panic_at_;
    for (std::size_t i = 0; i < max_lines && end < all.size(); ++i)
      end = std::min(all.find('\n', end), all.size() - 1) + 1;
    return std::string(all.substr(panic_at_, end - panic_at_));
  }
  std::size_t start = all.size();
  for (std::size_t i = 0; i < max_lines && start > 0; ++i) {
    const std::size_t newline = start >= 2 ? all.rfind('\n', start - 2) : std::string::npos;
    start = newline == std::string::npos ? 0 : newline + 1;
  }
  return std::string(all.substr(start)) + line_;
}

bool Console::panicked() const {
  const MutexLock lock(mutex_);
  return panic_at_ != std::string::npos;
}

}  // namespace supermachine
