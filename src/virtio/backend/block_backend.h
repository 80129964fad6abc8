// SPDX-License-Identifier: Apache-2.0
// Where a block device's bytes live. Knows nothing of virtio.
#pragma once

#include <cstdint>
#include <span>

#include "supermachine/result.h"

namespace supermachine::virtio {

// Belongs to the device loop, whose other devices wait while a call is busy.
class BlockBackend {
 public:
  virtual ~BlockBackend() = default;

  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  [[nodiscard]] virtual bool read_only() const = 0;

  // Fills all of `out` from `offset`. Bytes past size_bytes() read as zero.
  virtual Status read_at(std::uint64_t offset, std::span<const std::span<std::byte>> out) = 0;

  // Writes all of `bytes`, none of them past size_bytes() rounded up to whole sectors. Never
  // called on a read-only backend.
  virtual Status write_at(std::uint64_t offset,
                          std::span<const std::span<const std::byte>> bytes) = 0;

  // Returns when everything written so far is on stable storage.
  virtual Status flush() = 0;
};

}  // namespace supermachine::virtio
