// SPDX-License-Identifier: Apache-2.0
#include "snapshot/page_runs.h"

#include <algorithm>
#include <string>

namespace supermachine::snapshot {
namespace {

// Appends, as one with the run before where both lie next to each other in memory and in the file.
void append(std::vector<MemoryRun>& runs, const MemoryRun& run) {
  if (run.length == 0) return;
  if (!runs.empty()) {
    MemoryRun& last = runs.back();
    if (last.file == run.file && last.start + last.length == run.start &&
        last.file_offset + last.length == run.file_offset) {
      last.length += run.length;
      return;
    }
  }
  runs.push_back(run);
}

// The part of `run` in [start, end).
MemoryRun part(const MemoryRun& run, std::uint64_t start, std::uint64_t end) {
  const std::uint64_t from = std::max(run.start, start);
  const std::uint64_t to = std::min(run.start + run.length, end);
  if (from >= to) return {};
  return {.start = from,
          .length = to - from,
          .file = run.file,
          .file_offset = run.file_offset + (from - run.start)};
}

}  // namespace

Status check_runs(std::span<const PageRun> runs, std::uint64_t pages, std::string_view what) {
  const PageRun* before = nullptr;
  for (const PageRun& run : runs) {
    const auto name = [&] { return std::string(what) + " at page " + std::to_string(run.first); };
    if (run.count == 0) return Error(Errc::kCorrupt, name() + " is empty");
    if (end_of(run) > pages) return Error(Errc::kCorrupt, name() + " leaves the memory");
    if (before != nullptr && run.first <= end_of(*before)) {
      return Error(Errc::kCorrupt, name() + " is not beyond the one before");
    }
    before = &run;
  }
  return {};
}

std::vector<PageRun> bridge(std::span<const PageRun> runs, std::uint64_t gap) {
  std::vector<PageRun> out;
  for (const PageRun& run : runs) {
    if (!out.empty() && run.first - end_of(out.back()) <= gap) {
      out.back().count = end_of(run) - out.back().first;
    } else {
      out.push_back(run);
    }
  }
  return out;
}

std::vector<MemoryRun> overlay(std::span<const MemoryRun> below, std::span<const PageRun> over,
                               std::size_t over_file) {
  std::vector<MemoryRun> out;
  std::uint64_t at = 0;  // everything before is in `out`
  const auto append_below = [&](std::uint64_t end) {
    while (!below.empty() && below.front().start < end) {
      append(out, part(below.front(), at, end));
      if (below.front().start + below.front().length > end) break;
      below = below.subspan(1);
    }
    at = end;
  };
  for (const PageRun& run : over) {
    const std::uint64_t start = run.first * kPageSize;
    const std::uint64_t length = run.count * kPageSize;
    append_below(start);
    append(out, {.start = start, .length = length, .file = over_file, .file_offset = start});
    at = start + length;
  }
  append_below(~0ULL);
  return out;
}

}  // namespace supermachine::snapshot
