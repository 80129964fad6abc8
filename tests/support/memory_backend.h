// SPDX-License-Identifier: Apache-2.0
// A block backend over bytes in memory, writable or not, that can be made to fail.
#pragma once

#include <algorithm>
#include <vector>

#include "virtio/backend/block_backend.h"

namespace supermachine::virtio {

class MemoryBackend final : public BlockBackend {
 public:
  explicit MemoryBackend(std::size_t size_bytes, bool is_read_only = false)
      : bytes(size_bytes), read_only_(is_read_only) {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes.size(); }
  [[nodiscard]] bool read_only() const override { return read_only_; }

  Status read_at(std::uint64_t offset, std::span<const std::span<std::byte>> out) override {
    if (broken) return Error(Errc::kOs, "disk on fire");
    for (const auto segment : out) {
      for (std::byte& byte : segment) {
        byte = offset < bytes.size() ? bytes[offset] : std::byte{0};
        ++offset;
      }
    }
    return {};
  }

  Status write_at(std::uint64_t offset,
                  std::span<const std::span<const std::byte>> segments) override {
    SM_CHECK(!read_only_);
    if (broken) return Error(Errc::kOs, "disk on fire");
    for (const auto segment : segments) {
      SM_CHECK(offset + segment.size() <= bytes.size());
      std::copy(segment.begin(), segment.end(),
                bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      offset += segment.size();
    }
    return {};
  }

  Status flush() override {
    if (broken) return Error(Errc::kOs, "disk on fire");
    ++flushes;
    return {};
  }

  std::vector<std::byte> bytes;
  int flushes = 0;
  bool broken = false;

 private:
  bool read_only_;
};

}  // namespace supermachine::virtio
