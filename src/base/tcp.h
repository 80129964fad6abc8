// SPDX-License-Identifier: Apache-2.0
// TCP listeners of this host.
#pragma once

#include <cstdint>
#include <string>

#include "base/handles.h"

namespace supermachine {

struct TcpListener {
  UniqueFd socket;         // does not block
  std::uint16_t port = 0;  // the one really bound
};

// `address` is an IPv4 or IPv6 address in figures; port 0 takes a free one. kInvalidArgument for
// what is no address of this host, or is taken.
Result<TcpListener> tcp_listen(const std::string& address, std::uint16_t port);

// Sends what is written at once. For sockets whose writers know how much to write.
void tcp_no_delay(int socket);

}  // namespace supermachine
