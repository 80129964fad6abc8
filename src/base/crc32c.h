// SPDX-License-Identifier: Apache-2.0
// CRC32C (Castagnoli), as in RFC 3720, appendix B.4. Finds damage, not malice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace supermachine {

// Of `bytes` that follow others whose checksum is `before`; 0 for none.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

// The same without the processor's instruction for it. For tests to compare.
[[nodiscard]] std::uint32_t crc32c_portable(std::span<const std::byte> bytes,
                                            std::uint32_t before = 0);

}  // namespace supermachine
