// SPDX-License-Identifier: Apache-2.0
// The functions behind KERNEL_BYTES and its like, for programs that want one asset and not carry
// the others: a static link takes only what is called.
#pragma once

#include <cstddef>
#include <span>

#include "supermachine/kernel_x86_64_build.h"

namespace supermachine_kernel_x86_64 {
// The exact version is part of every symbol's name, so that a program neither links nor loads a
// library of another version than that of its headers.
inline namespace SUPERMACHINE_KERNEL_X86_64_ABI {

// They live as long as the program. A function, not data: a program that names data of a shared
// library gets a copy of it, 16 MiB here.
[[nodiscard]] std::span<const std::byte> kernel_bytes() noexcept;
[[nodiscard]] std::span<const std::byte> supermachine_agent_bytes() noexcept;
[[nodiscard]] std::span<const std::byte> busybox_bytes() noexcept;

}  // namespace SUPERMACHINE_KERNEL_X86_64_ABI
}  // namespace supermachine_kernel_x86_64
