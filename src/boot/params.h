// SPDX-License-Identifier: Apache-2.0
// The 64-bit Linux boot protocol (Documentation/arch/x86/boot.rst): boot_params with the memory
// map, command line, initramfs; the first page tables and segment descriptors.
#pragma once

#include <span>
#include <string>

#include "boot/kernel.h"

namespace supermachine::boot {

// Writes all that `kernel` finds beside itself. kInvalidArgument when the command line is too long
// or the initramfs doesn't fit between the kernel and the end of memory.
Status write_boot_params(const GuestMemory& memory, const LoadedKernel& kernel,
                         const std::string& command_line, std::span<const std::byte> initramfs,
                         std::uint32_t vcpus);

}  // namespace supermachine::boot
