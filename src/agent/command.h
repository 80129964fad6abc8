// SPDX-License-Identifier: Apache-2.0
// What every command that the host asks for needs before it can be started.
#pragma once

#include "agent/spawn.h"
#include "agent/users.h"
#include "rpc/messages.h"

namespace supermachine::agent {

// Looks up the user, writes the staged files, makes the directory, completes the environment.
Result<User> prepare_command(rpc::ExecRequest& request, Users& users);

// Why a command was not started, where that was not its program's fault.
Error explain_spawn(const SpawnRequest& request, const Spawned& failed);

}  // namespace supermachine::agent
