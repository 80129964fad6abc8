// SPDX-License-Identifier: Apache-2.0
// The host's view of an agent that misbehaves: a stream on which everything was said beforehand.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/sys.h"
#include "client/connection.h"
#include "rpc/messages.h"

namespace supermachine {

// An agent that has said all it will say before it is asked.
class ScriptedAgent {
 public:
  template <typename Message>
  ScriptedAgent& then(const Message& message) {
    return bytes(rpc::encode(message).value());
  }
  ScriptedAgent& then(rpc::FrameType type, std::string_view payload = {}) {
    return bytes(rpc::encode_frame(type, std::as_bytes(std::span(payload))));
  }
  ScriptedAgent& bytes(std::span<const std::byte> more) {
    said_.insert(said_.end(), more.begin(), more.end());
    return *this;
  }
  ScriptedAgent& hangs_up() {
    hangs_up_ = true;
    return *this;
  }

  // The agent's end of the last connection, when it has not hung up.
  [[nodiscard]] int peer() const { return peer_.get(); }

  // Each connection starts the script again.
  client::Connector connector() {
    return [this](Deadline) -> Result<UniqueFd> {
      auto [ours, theirs] = SM_TRY(sys::socket_pair());
      std::span<const std::byte> rest(said_);
      while (!rest.empty()) rest = rest.subspan(SM_TRY(sys::write(theirs.get(), rest)));
      peer_ = hangs_up_ ? UniqueFd() : std::move(theirs);
      return std::move(ours);
    };
  }

 private:
  std::vector<std::byte> said_;
  bool hangs_up_ = false;
  UniqueFd peer_;
};

}  // namespace supermachine
