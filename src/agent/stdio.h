// SPDX-License-Identifier: Apache-2.0
// The streams of a command: three pipes, or one terminal.
#pragma once

#include "agent/users.h"
#include "base/handles.h"
#include "rpc/messages.h"

namespace supermachine::agent {

// The `command_` ends are passed to each command of a chain and closed when the last has started or
// none will; the others are ours and non-blocking. With a terminal, `in` and `out` are both its
// master side and `err` is empty; without stdin, `in` is empty.
struct Stdio {
  UniqueFd command_in;
  UniqueFd command_out;
  UniqueFd command_err;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;

  // `user` owns the command's ends, so that it may open /dev/stdout by name.
  static Result<Stdio> create(bool tty, bool with_stdin, rpc::WindowSize window, const User& user);
  void close_command_ends();
};

Status set_window(int terminal, rpc::WindowSize window);

// The character that ends input on `terminal`, or nothing when its program reads it raw.
std::optional<std::byte> end_of_input(int terminal);

}  // namespace supermachine::agent
