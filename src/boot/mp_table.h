// SPDX-License-Identifier: Apache-2.0
// The Intel MultiProcessor Specification 1.4 table: which vCPUs and interrupt lines there are.
// Linux reads it when there is no ACPI.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace supermachine::boot {

// 20 bytes a vCPU: no more than 37 would fit in the KiB that the table has (layout.h).
inline constexpr std::uint32_t kMaxVcpus = 32;

// The floating pointer and the table, to be put at `address`. `vcpus` is 1 to kMaxVcpus.
[[nodiscard]] std::vector<std::byte> make_mp_table(std::uint32_t address, std::uint32_t vcpus);

}  // namespace supermachine::boot
