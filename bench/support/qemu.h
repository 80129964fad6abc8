// SPDX-License-Identifier: Apache-2.0
// The yardstick: QEMU's microvm machine with KVM and devices like ours, as lean as it gets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace supermachine::bench {

struct QemuGuest {
  std::string kernel;
  std::string initramfs;
  std::string root_image;
  std::string kernel_args = {};  // after those that both machines get
  std::uint32_t guest_cid = 0;   // of a vhost-vsock device; 0 for none
};

// The console is its standard output; it ends when the guest restarts.
std::vector<std::string> qemu_command(const QemuGuest& guest);

}  // namespace supermachine::bench
