// SPDX-License-Identifier: Apache-2.0
// What the guest prints on its serial console: the last of it kept for error messages, all of it
// handed on, and watched for the kernel's last words.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/mutex.h"

namespace supermachine {

class Console {
 public:
  static constexpr std::size_t kTailBytes = 16 << 10;
  // A guest that prints without end must not fill the host's disk.
  static constexpr std::size_t kMaxForwardedBytes = 64 << 20;

  // `fd` (borrowed, -1 for none) gets everything up to kMaxForwardedBytes. Output it does not take
  // at once is dropped, so it should be a file, or non-blocking. `on_halt_message` is called for
  // each line that says that the guest halts.
  explicit Console(int fd, std::function<void()> on_halt_message)
      : fd_(fd), on_halt_message_(std::move(on_halt_message)) {}

  // Any thread.
  void put(char c);

  // What was said is forgotten, as what comes is another guest's. No more of it is handed on.
  void clear();

  // The last lines, complete, at most `max_lines`; from the panic on, when there was one.
  [[nodiscard]] std::string last_lines(std::size_t max_lines) const;
  [[nodiscard]] bool panicked() const;

 private:
  // Whether it says that the guest halts.
  bool end_line() SM_REQUIRES(mutex_);

  const int fd_;
  const std::function<void()> on_halt_message_;
  mutable Mutex mutex_;
  std::string tail_ SM_GUARDED_BY(mutex_);                          // complete lines
  std::string line_ SM_GUARDED_BY(mutex_);                          // the one being printed
  std::size_t panic_at_ SM_GUARDED_BY(mutex_) = std::string::npos;  // in tail_
  std::size_t forwarded_ SM_GUARDED_BY(mutex_) = 0;
};

}  // namespace supermachine
