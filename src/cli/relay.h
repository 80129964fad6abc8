// SPDX-License-Identifier: Apache-2.0
// Carries bytes and signals between a command in a VM and this process's streams, until it ends.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "supermachine/exec.h"

namespace supermachine::cli {

struct RelayConfig {
  bool interactive = false;  // standard input is carried too
  bool tty = false;
  std::optional<std::chrono::milliseconds> limit = {};  // fails with kTimeout afterwards
};

struct RelayEnd {
  enum class Kind { kExited, kInterrupted, kOutputClosed };
  Kind kind = Kind::kExited;
  int status = 0;  // for our own exit
  bool timed_out = false;
};

class Relay {
 public:
  // Both outlive us.
  Relay(ExecChild& child, Signals& signals, RelayConfig config)
      : child_(child), signals_(signals), config_(config), stdin_open_(config.interactive) {}

  // Returns when the command has ended and all of its output is written; when the reader of our
  // output has gone; or at the second SIGINT, which is not for the command but for us.
  Result<RelayEnd> run();

 private:
  using Clock = std::chrono::steady_clock;

  // Each gives the end once it is there.
  Result<std::optional<RelayEnd>> carry_output();
  Result<std::optional<RelayEnd>> handle_signals();
  Result<std::optional<RelayEnd>> take(ExecEvent event);
  Result<std::optional<RelayEnd>> flush();
  void read_stdin();
  void feed_stdin();
  void send_window_size();
  Status wait(Clock::time_point deadline);

  ExecChild& child_;
  Signals& signals_;
  const RelayConfig config_;
  std::array<Output, 2> outputs_{Output(1), Output(2)};

  std::string pending_;  // output that was not taken yet, of outputs_[pending_for_]
  std::size_t pending_done_ = 0;
  std::size_t pending_for_ = 0;
  bool more_ = false;  // the command may have more without a wait

  bool stdin_open_;
  std::string input_;  // what the command has not taken yet
  std::size_t input_done_ = 0;
  bool stdin_ready_ = false;

  std::optional<WindowSize> window_;
  int interrupts_ = 0;
};

}  // namespace supermachine::cli
