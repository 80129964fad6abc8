// SPDX-License-Identifier: Apache-2.0
// A guest's vsock ports from another process: docs/formats/vsock-mux.md, the client's side.
#pragma once

#include <cstdint>
#include <string>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::client {

// A non-blocking stream to `port` of the guest whose socket file is at `path`, which may be longer
// than the address of a socket can be. kNotFound when no machine listens there; kGuestFault when it
// does, and nobody in the guest accepts; kTimeout.
Result<UniqueFd> connect_mux(const std::string& path, std::uint32_t port, Deadline deadline);

}  // namespace supermachine::client
