// SPDX-License-Identifier: Apache-2.0
// The caller's terminal.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "supermachine/result.h"

namespace supermachine::cli {

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t cols = 0;
  bool operator==(const WindowSize&) const = default;
};

// Of the terminal behind one of the standard streams; nullopt when there is none.
std::optional<WindowSize> window_size();

// Standard input's terminal passes every byte on, until the owner is gone or a bug ends the
// process. One at a time.
class RawTerminal {
 public:
  static Result<RawTerminal> enter();
  RawTerminal(RawTerminal&& other) noexcept : active_(std::exchange(other.active_, false)) {}
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

 private:
  RawTerminal() = default;
  bool active_ = true;
};

}  // namespace supermachine::cli
