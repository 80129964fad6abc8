// SPDX-License-Identifier: Apache-2.0
// The agent's two ways to the host: the port where it takes calls, and the doorbell that it rings.
#pragma once

#include "base/event_loop.h"
#include "base/handles.h"

namespace supermachine::agent {

// A listening socket on kAgentPort.
Result<UniqueFd> listen_for_host();

// A connection to kControlPort of the host that may still be under way: wait for EPOLLOUT, then ask
// connect_outcome().
Result<UniqueFd> connect_to_host();
Status connect_outcome(int socket);

}  // namespace supermachine::agent
