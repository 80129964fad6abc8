// SPDX-License-Identifier: Apache-2.0
#include "snapshot/memory_checksum.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/files.h"
#include "snapshot/limits.h"
#include "snapshot/page_runs.h"

namespace supermachine::snapshot {
namespace {

constexpr std::uint64_t kBlockPages = kChecksumBytes / kPageSize;

// Calls `visit` with each piece of a run that lies in one block. Stops when it returns an error.
template <typename Visit>
Status for_each_piece(std::span<const PageRun> runs, Visit visit) {
  for (PageRun run : runs) {
    while (run.count != 0) {
      const std::uint64_t count = std::min(run.count, kBlockPages - run.first % kBlockPages);
      SM_TRY(visit(PageRun{.first = run.first, .count = count}));
      run = {.first = run.first + count, .count = run.count - count};
    }
  }
  return {};
}

}  // namespace

Result<std::vector<BlockChecksum>> checksum_memory(int fd, std::span<const PageRun> runs) {
  std::vector<BlockChecksum> blocks;
  std::vector<std::byte> buffer(kChecksumBytes);
  SM_TRY(for_each_piece(runs, [&](PageRun piece) -> Status {
    const std::uint64_t block = piece.first / kBlockPages * kChecksumBytes;
    if (blocks.empty() || blocks.back().offset != block) blocks.push_back({.offset = block});
    const auto bytes = std::span(buffer).first(piece.count * kPageSize);
    SM_TRY(read_exact_at(fd, bytes, piece.first * kPageSize));
    blocks.back().crc32c = crc32c(bytes, blocks.back().crc32c);
    return {};
  }));
  return blocks;
}

std::size_t checksum_count(std::span<const PageRun> runs) {
  std::size_t count = 0;
  std::uint64_t next = 0;  // the first block not counted yet
  for (const PageRun& run : runs) {
    const std::uint64_t first = std::max(next, run.first / kBlockPages);
    next = (end_of(run) + kBlockPages - 1) / kBlockPages;
    count += next - first;
  }
  return count;
}

}  // namespace supermachine::snapshot
