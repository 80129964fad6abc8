// SPDX-License-Identifier: Apache-2.0
// Which build a kernel image is.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace supermachine::boot {

// An ELF file's build id in hex (gABI, note section; NT_GNU_BUILD_ID), a bzImage's version string
// (boot.rst, kernel_version), which names its time and number; empty for an image that tells none.
[[nodiscard]] std::string kernel_id(std::span<const std::byte> image);

// The release of Linux that an image is of, "6.12.43"; empty when there is no telling. Reads all of
// a vmlinux, so it is for people.
[[nodiscard]] std::string linux_release(std::span<const std::byte> image);

}  // namespace supermachine::boot
