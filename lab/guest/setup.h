// SPDX-License-Identifier: Apache-2.0
// What the lab's first process does before it serves: mounts over the machine's own file tree,
// names, limits, and finding the command channel.
#pragma once

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::lab {

// Called once, as PID 1. On return descriptors 0, 1 and 2 are the console.
Status set_up_lab();

// The virtio-serial port that leads to the keeper, with its other end connected. Non-blocking.
Result<UniqueFd> open_command_channel(Deadline deadline);

// The files that the machine shares with us may have changed there; forget what we know of them.
void drop_caches();

// Ends every process but this one. One that outlived its command would keep files of the machine in
// use, and what the kernel knows of a file in use cannot be dropped when the machine replaces it.
void end_leftovers();

// Writes back what is in memory and restarts, which ends the emulator.
[[noreturn]] void end_lab();

}  // namespace supermachine::lab
