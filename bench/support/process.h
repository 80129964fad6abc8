// SPDX-License-Identifier: Apache-2.0
// Programs that a benchmark starts: when, what they print, until when.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::bench {

using Clock = std::chrono::steady_clock;

// Killed and reaped with its owner.
class Program {
 public:
  // Standard output comes to us, the rest is inherited, but for `input` when it is given.
  static Result<Program> start(const std::vector<std::string>& argv, int input = STDIN_FILENO);
  Program(Program&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        output_(std::move(other.output_)),
        started_(other.started_),
        text_(std::move(other.text_)) {}
  Program& operator=(Program&&) = delete;
  ~Program();

  [[nodiscard]] Clock::time_point started() const { return started_; }
  [[nodiscard]] const std::string& text() const { return text_; }

  // When its output held `word`. kGuestFault when it ended before, kTimeout at the deadline.
  Result<Clock::time_point> wait_for(std::string_view word, Deadline deadline);
  // Reads the rest; when it was gone. kGuestFault when it ended in failure.
  Result<Clock::time_point> wait_for_end(Deadline deadline);

 private:
  Program(pid_t pid, UniqueFd output, Clock::time_point started)
      : pid_(pid), output_(std::move(output)), started_(started) {}
  Result<bool> read_more(Deadline deadline);  // false at its end

  pid_t pid_;
  UniqueFd output_;
  Clock::time_point started_;
  std::string text_;
};

}  // namespace supermachine::bench
