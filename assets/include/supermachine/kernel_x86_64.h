// SPDX-License-Identifier: Apache-2.0
// Kernel, agent and busybox of x86_64 guests as data. Programs include "supermachine/kernel.h",
// which is this for the architecture that is built for.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "supermachine/kernel_x86_64_bytes.h"
#include "supermachine/result.h"

namespace supermachine_kernel_x86_64 {
inline namespace SUPERMACHINE_KERNEL_X86_64_ABI {

// Of the library and its assets; supermachine itself must be of the same.
inline constexpr std::string_view VERSION = SUPERMACHINE_KERNEL_X86_64_VERSION;

inline constexpr std::size_t KERNEL_LEN = SUPERMACHINE_KERNEL_X86_64_KERNEL_LEN;
inline constexpr std::size_t SUPERMACHINE_AGENT_LEN = SUPERMACHINE_KERNEL_X86_64_AGENT_LEN;
inline constexpr std::size_t BUSYBOX_LEN = SUPERMACHINE_KERNEL_X86_64_BUSYBOX_LEN;

namespace detail {

// A library of the same version with other assets (SUPERMACHINE_KERNEL_PATH) has other headers.
inline std::span<const std::byte> of_length(std::span<const std::byte> bytes, std::size_t length) {
  SM_CHECK(bytes.size() == length);
  return bytes;
}

}  // namespace detail

// A Linux vmlinux, stripped, with all that a guest needs built in.
inline const std::span<const std::byte> KERNEL_BYTES =
    detail::of_length(kernel_bytes(), KERNEL_LEN);
// The static program that is the guest's first process.
inline const std::span<const std::byte> SUPERMACHINE_AGENT_BYTES =
    detail::of_length(supermachine_agent_bytes(), SUPERMACHINE_AGENT_LEN);
// A static busybox, for who builds an initramfs of their own. supermachine does not need it.
inline const std::span<const std::byte> BUSYBOX_BYTES =
    detail::of_length(busybox_bytes(), BUSYBOX_LEN);

// Each writes one asset to the file `dest`, whole or not at all, in place of a file that is there.
// The kernel gets mode 0644, programs 0755, whatever the umask. Errors name the path: kNotFound
// that of a parent directory that does not exist, kInvalidArgument a directory in the way, kOs with
// errno the rest. Safe from any thread, and from several at once.
supermachine::Status extract_kernel_to(const std::string& dest);
supermachine::Status extract_supermachine_agent_to(const std::string& dest);
supermachine::Status extract_busybox_to(const std::string& dest);

// The same, and make the parent directories that do not exist (mode 0777 less the umask).
supermachine::Status extract_kernel_to_with_parents(const std::string& dest);
supermachine::Status extract_supermachine_agent_to_with_parents(const std::string& dest);
supermachine::Status extract_busybox_to_with_parents(const std::string& dest);

}  // namespace SUPERMACHINE_KERNEL_X86_64_ABI
}  // namespace supermachine_kernel_x86_64
