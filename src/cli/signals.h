// SPDX-License-Identifier: Apache-2.0
// The signals that concern a command, taken from this process.
#pragma once

#include <signal.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "cli/fd.h"
#include "supermachine/result.h"

namespace supermachine::cli {

// Blocks them in the calling thread and in those it starts later, and gives them out one by one.
// SIGHUP stays ignored where it was, as nohup(1) wants it.
class Signals {
 public:
  static Result<Signals> create();
  Signals(Signals&&) = default;
  Signals& operator=(Signals&&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable when there is one
  std::optional<int> next();
  // As before create(): what an exec'd program wants to find.
  void restore() const;

 private:
  Signals(Fd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}
  Fd fd_;
  sigset_t before_;
};

// As long as there is no command that could get them, signals that ask us to end do so, from a
// thread of this object's own: no call of the library has to be interrupted. Needs Signals.
class EndOnSignal {
 public:
  static Result<EndOnSignal> create();
  EndOnSignal(EndOnSignal&&) = default;
  EndOnSignal& operator=(EndOnSignal&&) = delete;
  ~EndOnSignal();

 private:
  EndOnSignal(Fd stop, std::thread thread) : stop_(std::move(stop)), thread_(std::move(thread)) {}
  Fd stop_;  // writing end of a pipe: closing it ends the thread
  std::thread thread_;
};

// While something is written that is to be whole or absent: the first signal that asks us to end
// makes our writes to files fail, so that the writer clears up as it would on a full disk; the
// second ends the process at once. Needs Signals.
class FailWritesOnSignal {
 public:
  static Result<FailWritesOnSignal> create();
  FailWritesOnSignal(FailWritesOnSignal&&) = default;
  FailWritesOnSignal& operator=(FailWritesOnSignal&&) = delete;
  ~FailWritesOnSignal();  // writes work again

  // The signal that came; 0 for none.
  [[nodiscard]] int caught() const noexcept { return *caught_; }

 private:
  FailWritesOnSignal(Fd stop, std::unique_ptr<std::atomic<int>> caught, std::thread thread)
      : stop_(std::move(stop)), caught_(std::move(caught)), thread_(std::move(thread)) {}
  Fd stop_;
  std::unique_ptr<std::atomic<int>> caught_;  // set by the thread
  std::thread thread_;
};

}  // namespace supermachine::cli
