// SPDX-License-Identifier: Apache-2.0
// Pages as a snapshot's files list them: in order, by first page and count.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "memory/memory_image.h"
#include "memory/page_set.h"
#include "snapshot/codec.h"

namespace supermachine::snapshot {

[[nodiscard]] inline std::uint64_t end_of(const PageRun& run) { return run.first + run.count; }

// Two u32: a memory has at most 2^28 pages (kMaxMemoryMib).
template <typename Codec>
void fields(Codec& codec, typename Codec::template Of<PageRun>& run) {
  auto first = static_cast<std::uint32_t>(run.first);
  auto count = static_cast<std::uint32_t>(run.count);
  codec(first, count);
  if constexpr (std::same_as<Codec, Decoder>) run = {.first = first, .count = count};
}

// kCorrupt, naming `what`, unless the runs are in order, do not touch each other and end at or
// before `pages`.
Status check_runs(std::span<const PageRun> runs, std::uint64_t pages, std::string_view what);

// Makes one run of neighbours with at most `gap` pages between them.
std::vector<PageRun> bridge(std::span<const PageRun> runs, std::uint64_t gap);

// `over` laid on `below`: what `over` has runs for hides what is under it. The new runs name
// `over_file`, at the offset that equals their start.
std::vector<MemoryRun> overlay(std::span<const MemoryRun> below, std::span<const PageRun> over,
                               std::size_t over_file);

}  // namespace supermachine::snapshot
