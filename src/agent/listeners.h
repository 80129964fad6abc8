// SPDX-License-Identifier: Apache-2.0
// Who takes TCP connections in this guest.
#pragma once

#include <sys/types.h>

#include <vector>

#include "rpc/messages.h"

namespace supermachine::agent {

// The kernel's list, asked for now: the sockets that listen on `port`, or all for 0. Those of the
// session of `workload` (-1: of none) come first, then by port; rpc::kMaxListeners at most. Finding
// the processes reads all of /proc, but only when there is a socket to find them for.
Result<std::vector<rpc::Listener>> find_listeners(std::uint16_t port, pid_t workload);

}  // namespace supermachine::agent
