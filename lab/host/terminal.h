// SPDX-License-Identifier: Apache-2.0
// The caller's side of a command: its terminal and the signals it is sent.
#pragma once

#include <termios.h>

#include <optional>

#include "base/handles.h"
#include "rpc/messages.h"

namespace supermachine::lab {

// The signals that concern the command, taken from this process and given out one by one.
class Signals {
 public:
  // Blocks them in the calling thread and those it starts later.
  static Result<Signals> create();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable when there is one
  std::optional<int> next();

 private:
  explicit Signals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Whether a command should get a terminal: when it is read from one and written to one.
[[nodiscard]] bool is_interactive();
[[nodiscard]] rpc::WindowSize window_size();  // zeros when unknown

// Standard input's terminal, passing everything on, until the owner is gone.
class RawMode {
 public:
  static Result<RawMode> enter();
  RawMode(RawMode&& other) noexcept : before_(std::exchange(other.before_, std::nullopt)) {}
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();

 private:
  explicit RawMode(const termios& before) : before_(before) {}
  std::optional<termios> before_;
};

}  // namespace supermachine::lab
