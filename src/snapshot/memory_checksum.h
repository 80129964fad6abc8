// SPDX-License-Identifier: Apache-2.0
// Checksums over what a memory file holds, kChecksumBytes of guest memory at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/page_set.h"
#include "supermachine/result.h"

namespace supermachine::snapshot {

// One block with at least one page in a run; the checksum is over its pages that are, in order.
struct BlockChecksum {
  std::uint64_t offset = 0;
  std::uint32_t crc32c = 0;
};

// Reads all that `runs` cover. In order of offset.
Result<std::vector<BlockChecksum>> checksum_memory(int fd, std::span<const PageRun> runs);

// How many that would be.
std::size_t checksum_count(std::span<const PageRun> runs);

}  // namespace supermachine::snapshot
