// SPDX-License-Identifier: Apache-2.0
// A lab that stays up between commands: its process, and how others ask it to end.
#pragma once

#include "host/keeper.h"
#include "host/state.h"

namespace supermachine::lab {

struct DaemonConfig {
  KeeperConfig keeper;
  std::chrono::minutes idle_limit{60};  // without a command
};

// Starts it, unless it runs. Returns when commands can run in it.
Status start_daemon(const StateDir& state, DaemonConfig config);

// Ends it, if it runs. Returns when it has ended.
Status stop_daemon(const StateDir& state);

}  // namespace supermachine::lab
