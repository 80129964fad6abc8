// SPDX-License-Identifier: Apache-2.0
// Ports of a guest that are published on the host (-p).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"
#include "supermachine/vm.h"

namespace supermachine::cli {

struct PublishedPort {
  std::string address = "127.0.0.1";
  std::uint16_t host = 0;  // 0: any that is free
  std::uint16_t guest = 0;
  bool operator==(const PublishedPort&) const = default;
};

// "[[IP:]HOST:]GUEST[/tcp]"; HOST may be empty, an IPv6 address stands in brackets. A usage error
// names `text`.
Result<PublishedPort> parse_published(std::string_view text);

// "127.0.0.1:8080->80/tcp"
std::string to_string(const PublishedPort& port);

// Fails when one of them is not free on this host, before anything is started.
Status check_free(const std::vector<PublishedPort>& ports);

// Publishes them for as long as the result lives, which `vm` must outlive.
Result<std::vector<TcpForward>> publish(Vm& vm, const std::vector<PublishedPort>& ports);

}  // namespace supermachine::cli
