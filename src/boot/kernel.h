// SPDX-License-Identifier: Apache-2.0
// Puts a Linux kernel image into guest memory: an ELF vmlinux (fast: nothing to decompress) or a
// bzImage. The image may be a user's own, so every field is checked.
#pragma once

#include <asm/bootparam.h>

#include <cstdint>
#include <optional>
#include <span>

#include "memory/guest_memory.h"

namespace supermachine::boot {

struct LoadedKernel {
  GuestAddr entry{};         // of the 64-bit boot protocol
  std::uint64_t end = 0;     // the first address after all that the kernel needs to start
  setup_header header = {};  // as in the bzImage; made up for a vmlinux
};

// kInvalidArgument when `image` is neither, is damaged, isn't 64-bit x86, or doesn't fit in
// `memory`.
Result<LoadedKernel> load_kernel(const GuestMemory& memory, std::span<const std::byte> image);

}  // namespace supermachine::boot
