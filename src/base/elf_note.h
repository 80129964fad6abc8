// SPDX-License-Identifier: Apache-2.0
// Notes in ELF files of 64 bits (gABI, "Note Section"): who made a program, and which build it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace supermachine {

// What the first note of that owner and type holds; empty when there is none, or no ELF file.
// `image` may be anything.
[[nodiscard]] std::span<const std::byte> find_elf_note(std::span<const std::byte> image,
                                                       std::string_view owner, std::uint32_t type);

}  // namespace supermachine
