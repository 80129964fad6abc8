// SPDX-License-Identifier: Apache-2.0
// Which supermachine an agent is of. Host and agent speak one protocol without versions, so only
// those of the same version go together.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "supermachine/result.h"

namespace supermachine {

// What src/agent/version_note.S says; empty for what is no agent. `image` may be anything.
[[nodiscard]] std::string agent_version(std::span<const std::byte> image);

// kInvalidArgument for what is no agent, or one of another version than ours.
Status check_agent(std::span<const std::byte> image);

}  // namespace supermachine
