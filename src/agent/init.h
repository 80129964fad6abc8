// SPDX-License-Identifier: Apache-2.0
// What the first process of a guest does before it serves: the root file system, mounts, names.
#pragma once

#include <string>

#include "supermachine/result.h"

namespace supermachine::agent {

// Keys of the kernel command line. Others are somebody else's.
struct BootParameters {
  std::string root_device;                // sm.root=
  std::string hostname = "supermachine";  // sm.hostname=
};
BootParameters parse_boot_parameters(const std::string& command_line);

// Turns the initramfs that the kernel gave us into the image's root: squashfs below, tmpfs above,
// everything an image expects mounted. Called once, as PID 1, with nothing else running. On return
// descriptors 0, 1 and 2 are the console.
Status set_up_guest();

// Writes a line to the console and restarts the machine, which the host sees as the VM's end.
[[noreturn]] void give_up(const Error& error);

enum class PowerState { kRestart, kHalt, kOff };
// Writes back what is in memory, then leaves the machine in that state. Does not return in a guest.
void enter(PowerState state);

}  // namespace supermachine::agent
