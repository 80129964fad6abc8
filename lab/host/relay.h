// SPDX-License-Identifier: Apache-2.0
// Runs one command inside the lab with this process's directory, environment, standard streams and
// signals.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/connection.h"
#include "host/terminal.h"

namespace supermachine::lab {

struct Command {
  std::vector<std::string> argv;
  std::optional<std::chrono::seconds> limit;
};

inline constexpr int kTimedOut = 124;  // as timeout(1) has it

// The exit status as a shell would give it: 128 + n for signal n. An error is the lab's own, or a
// request that the lab refused (a directory that doesn't exist inside).
Result<int> run_command(const client::Connector& connect, const Command& command, Signals& signals);

// Returns when everything written inside so far can be read on this machine.
Status sync_files(const client::Connector& connect);

}  // namespace supermachine::lab
