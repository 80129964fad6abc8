// SPDX-License-Identifier: Apache-2.0
// One buffer that every handler may use until it returns: the agent has one thread and little
// memory.
#pragma once

#include <array>
#include <span>

#include "rpc/frame.h"

namespace supermachine::agent {

[[nodiscard]] inline std::span<std::byte> scratch() {
  static std::array<std::byte, rpc::kMaxData> bytes;
  return bytes;
}

}  // namespace supermachine::agent
