// SPDX-License-Identifier: Apache-2.0
// Published ports, as their users see them.
#pragma once

#include <cstdint>
#include <string>

#include "base/handles.h"

namespace supermachine {

// To a port of this host's loopback; empty when nobody takes it.
UniqueFd connect_to(std::uint16_t port);

// All that a server there answers to a request for "/"; empty for nothing.
std::string http_get(std::uint16_t port);

}  // namespace supermachine
