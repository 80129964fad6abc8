// SPDX-License-Identifier: Apache-2.0
// File contents of all layers, one after another, in a temporary file without a name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/handles.h"

namespace supermachine::rootfs {

class Spool {
 public:
  struct Range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  // In `directory`, which should be on a real disk: an image's worth of bytes comes here.
  static Result<Spool> create(const std::string& directory);

  [[nodiscard]] std::uint64_t size() const noexcept { return flushed_ + pending_.size(); }
  Status append(std::span<const std::byte> bytes);
  // Call once before read().
  Status flush();
  // Fills `out` from `offset` within `range`; both must lie within it.
  Status read(const Range& range, std::uint64_t offset, std::span<std::byte> out) const;

 private:
  Spool(UniqueFd file, std::string directory)
      : file_(std::move(file)), directory_(std::move(directory)) {}

  UniqueFd file_;
  std::string directory_;  // for messages
  std::uint64_t flushed_ = 0;
  std::vector<std::byte> pending_;
};

}  // namespace supermachine::rootfs
