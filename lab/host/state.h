// SPDX-License-Identifier: Apache-2.0
// Where a user's lab is known: a private directory with a lock that whoever runs a machine holds,
// and the sockets of a lab that stays up.
#pragma once

#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::lab {

class StateDir {
 public:
  // $XDG_RUNTIME_DIR/supermachine/lab or /tmp/supermachine-lab-UID, made when absent. Refuses a
  // directory that others could have made or can look into.
  static Result<StateDir> open();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string sessions_socket() const { return path_ + "/sessions"; }
  [[nodiscard]] std::string control_socket() const { return path_ + "/control"; }
  [[nodiscard]] std::string console_log() const { return path_ + "/console.log"; }

  // The right to run a machine, for as long as the descriptor or a copy of it is open; nothing when
  // somebody else has it.
  [[nodiscard]] Result<std::optional<UniqueFd>> try_lock() const;

  // A stream to the server inside a lab that stays up; nothing when there is none.
  [[nodiscard]] std::optional<UniqueFd> connect() const;

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace supermachine::lab
