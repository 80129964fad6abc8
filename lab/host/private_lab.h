// SPDX-License-Identifier: Apache-2.0
// A lab for one command: a machine of this process's own, kept by a thread of its own.
#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "client/connection.h"
#include "host/keeper.h"
#include "host/terminal.h"

namespace supermachine::lab {

class PrivateLab {
 public:
  // Begins to start the machine. Signals must be blocked already.
  static Result<std::unique_ptr<PrivateLab>> start(const KeeperConfig& config);
  ~PrivateLab();  // ends the machine
  PrivateLab(const PrivateLab&) = delete;
  PrivateLab& operator=(const PrivateLab&) = delete;

  // Nothing once commands can run; the number of a signal that came first.
  Result<std::optional<int>> wait_ready(Signals& signals);

  // Valid as long as we are.
  [[nodiscard]] client::Connector connector();

  // Ends the machine. An error says why it had ended before.
  Status end();

 private:
  enum class Stage { kStarting, kReady, kEnded };

  PrivateLab(std::unique_ptr<EventLoop> loop, UniqueFd changed)
      : loop_(std::move(loop)), changed_(std::move(changed)) {}
  void keep(const KeeperConfig& config);
  void enter(Stage stage, Status why = {});

  std::unique_ptr<EventLoop> loop_;
  UniqueFd changed_;  // signalled with every new stage
  Mutex mutex_;
  Stage stage_ SM_GUARDED_BY(mutex_) = Stage::kStarting;
  Status why_ SM_GUARDED_BY(mutex_);
  std::unique_ptr<Keeper> keeper_;  // of the thread
  std::thread thread_;
};

}  // namespace supermachine::lab
