// SPDX-License-Identifier: Apache-2.0
// Where the content of a guest's memory lies in files. What no run covers is zero.
#pragma once

#include <cstdint>
#include <vector>

namespace supermachine {

inline constexpr std::uint64_t kPageSize = 4096;

// All in bytes and multiples of the page size.
struct MemoryRun {
  std::uint64_t start = 0;  // in the memory, as one piece without the hole below 4 GiB
  std::uint64_t length = 0;
  std::size_t file = 0;  // index into MemoryImage::files
  std::uint64_t file_offset = 0;

  bool operator==(const MemoryRun&) const = default;
};

// Runs in order of start, none overlapping another. Files are borrowed; who maps one keeps its
// content reachable after they are closed.
struct MemoryImage {
  std::uint64_t size_bytes = 0;
  std::vector<int> files = {};
  std::vector<MemoryRun> runs = {};
};

}  // namespace supermachine
