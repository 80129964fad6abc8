// SPDX-License-Identifier: Apache-2.0
// Keeps one emulated machine: starts it, knows when it is ready, carries sessions to it, ends it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "host/machine.h"
#include "mux.h"

namespace supermachine::lab {

struct KeeperConfig {
  MachineConfig machine;
  std::chrono::seconds boot_limit{120};
  std::string console_log;  // a file that gets the console; empty: only its end is kept in memory
};

// Lives on its loop's thread. The machine dies with the thread that called create().
class Keeper {
 public:
  struct Callbacks {
    std::function<void()> on_ready;
    // Once, also after on_ready. An error says why the machine ended unasked, or never was ready.
    std::function<void(Status why)> on_end;
  };

  static Result<std::unique_ptr<Keeper>> create(EventLoop& loop, const KeeperConfig& config,
                                                Callbacks callbacks);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Carries `stream` to the server inside. Only between on_ready and the end.
  Status attach(UniqueFd stream);
  [[nodiscard]] std::size_t sessions() const { return mux_ ? mux_->sessions() : 0; }

  // Asks the machine to end, and ends it if it doesn't. on_end follows.
  void shut_down();

 private:
  enum class State { kBooting, kReady, kEnding, kEnded };

  Keeper(EventLoop& loop, Callbacks callbacks, Machine machine, UniqueFd log, UniqueFd log_file)
      : loop_(loop),
        callbacks_(std::move(callbacks)),
        log_(std::move(log)),
        log_file_(std::move(log_file)),
        machine_(std::move(machine)) {}
  Status watch(UniqueFd link, std::chrono::seconds boot_limit);
  void nudge_later();
  void read_log();
  void give_up(std::string why);
  void on_exit();
  [[nodiscard]] std::string last_lines() const;

  EventLoop& loop_;  // not owned; outlives us
  Callbacks callbacks_;
  State state_ = State::kBooting;
  bool link_lost_ = false;  // before anybody asked for the end
  std::string why_;         // of an end that nobody asked for
  EventLoop::TimerId timer_ = 0;
  EventLoop::TimerId nudge_timer_ = 0;
  UniqueFd log_;
  UniqueFd log_file_;
  std::size_t logged_ = 0;
  std::string log_tail_;
  std::unique_ptr<Mux> mux_;
  Machine machine_;
};

}  // namespace supermachine::lab
