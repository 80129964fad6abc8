// SPDX-License-Identifier: Apache-2.0
// TCP ports of the guest, reached through the agent.
#pragma once

#include <chrono>
#include <vector>

#include "client/connection.h"

namespace supermachine::client {

// Who listens in the guest now, the workload's processes first.
Result<std::vector<rpc::Listener>> list_listeners(const Connector& connect, Deadline deadline);

// Returns when somebody listens on `port`, or on any for 0. kTimeout; kGuestFault with its last
// words when the workload ends first.
Result<rpc::Listener> wait_listener(const Connector& connect, std::uint16_t port,
                                    std::chrono::milliseconds timeout);

// A stream to the listener on `port` of the guest's loopback, non-blocking. kNotFound when there is
// none.
Result<UniqueFd> connect_port(const Connector& connect, std::uint16_t port, Deadline deadline);

// Reads the agent's answer to a CONNECT frame and not a byte of what follows it.
class ConnectAnswer {
 public:
  // True when the stream is the connection's from now on; false while more has to come. Does not
  // wait.
  Result<bool> read(int stream);

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace supermachine::client
