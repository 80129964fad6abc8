// SPDX-License-Identifier: Apache-2.0
#include "memory/read_ahead.h"

#include <fcntl.h>

#include <algorithm>

namespace supermachine {

// Both lists are in order, so one walk through them does.
void read_ahead(const MemoryImage& image, std::span<const PageRun> pages) {
  auto run = image.runs.begin();
  for (const PageRun wanted : pages) {
    const std::uint64_t at = wanted.first * kPageSize;
    const std::uint64_t end = at + wanted.count * kPageSize;
    while (run != image.runs.end() && run->start + run->length <= at) ++run;
    for (auto part = run; part != image.runs.end() && part->start < end; ++part) {
      const std::uint64_t from = std::max(at, part->start);
      const std::uint64_t to = std::min(end, part->start + part->length);
      static_cast<void>(::posix_fadvise(image.files[part->file],
                                        static_cast<off_t>(part->file_offset + from - part->start),
                                        static_cast<off_t>(to - from), POSIX_FADV_WILLNEED));
    }
  }
}

}  // namespace supermachine
