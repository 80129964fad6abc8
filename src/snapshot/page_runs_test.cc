// SPDX-License-Identifier: Apache-2.0
#include "snapshot/page_runs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "snapshot/memory_checksum.h"

namespace supermachine::snapshot {
namespace {

using Runs = std::vector<PageRun>;

TEST(PageRuns, AreBridgedOverSmallGaps) {
  const Runs runs = {{1, 2}, {5, 1}, {10, 4}};
  EXPECT_EQ(bridge(runs, 0), runs);
  EXPECT_EQ(bridge(runs, 1), runs);
  EXPECT_EQ(bridge(runs, 2), (Runs{{1, 5}, {10, 4}}));
  EXPECT_EQ(bridge(runs, 4), (Runs{{1, 13}}));
  EXPECT_EQ(bridge({}, 4), Runs());
}

MemoryRun run(std::uint64_t first, std::uint64_t count, std::size_t file) {
  return {.start = first * kPageSize,
          .length = count * kPageSize,
          .file = file,
          .file_offset = first * kPageSize};
}

TEST(PageRuns, LaidOverOthersHideThem) {
  const std::vector<MemoryRun> below = {run(0, 10, 0), run(20, 10, 0)};
  using Expected = std::vector<MemoryRun>;
  EXPECT_EQ(overlay(below, {}, 1), below);
  EXPECT_EQ(overlay({}, Runs{{3, 2}}, 1), Expected{run(3, 2, 1)});
  EXPECT_EQ(overlay(below, Runs{{3, 2}}, 1),
            (Expected{run(0, 3, 0), run(3, 2, 1), run(5, 5, 0), run(20, 10, 0)}));
  EXPECT_EQ(overlay(below, Runs{{0, 10}}, 1), (Expected{run(0, 10, 1), run(20, 10, 0)}));
  EXPECT_EQ(overlay(below, Runs{{5, 20}}, 1),
            (Expected{run(0, 5, 0), run(5, 20, 1), run(25, 5, 0)}));
  EXPECT_EQ(overlay(below, Runs{{10, 10}}, 1),
            (Expected{run(0, 10, 0), run(10, 10, 1), run(20, 10, 0)}));
  EXPECT_EQ(overlay(below, Runs{{40, 1}}, 1),
            (Expected{run(0, 10, 0), run(20, 10, 0), run(40, 1, 1)}));
  EXPECT_EQ(overlay(below, Runs{{2, 1}, {4, 1}, {22, 9}}, 1),
            (Expected{run(0, 2, 0), run(2, 1, 1), run(3, 1, 0), run(4, 1, 1), run(5, 5, 0),
                      run(20, 2, 0), run(22, 9, 1)}));
}

// Against the plain way: what file does each page come from?
TEST(PageRuns, LaidOverOthersGiveEachPageTheTopmostFile) {
  constexpr std::size_t kPages = 12;
  constexpr int kNone = -1;
  const auto runs_of = [](unsigned bits) {
    PageSet set(kPages);
    for (unsigned page = 0; page < kPages; ++page) {
      if ((bits >> page & 1) != 0) set.insert(page);
    }
    return set.runs();
  };
  for (unsigned below = 0; below < 1U << kPages; below += 37) {
    for (unsigned over = 0; over < 1U << kPages; over += 41) {
      std::vector<int> files(kPages, kNone);
      for (const MemoryRun& r : overlay(overlay({}, runs_of(below), 0), runs_of(over), 1)) {
        EXPECT_EQ(r.start, r.file_offset);
        for (std::uint64_t at = r.start; at < r.start + r.length; at += kPageSize) {
          EXPECT_EQ(files.at(at / kPageSize), kNone) << "twice";
          files.at(at / kPageSize) = static_cast<int>(r.file);
        }
      }
      for (unsigned page = 0; page < kPages; ++page) {
        const int expected = (over >> page & 1) != 0 ? 1 : (below >> page & 1) != 0 ? 0 : kNone;
        ASSERT_EQ(files[page], expected) << below << " " << over << " " << page;
      }
    }
  }
}

TEST(PageRuns, NeedOneChecksumForEachMebibyteTheyReachInto) {
  EXPECT_EQ(checksum_count({}), 0U);
  EXPECT_EQ(checksum_count(Runs{{0, 1}}), 1U);
  EXPECT_EQ(checksum_count(Runs{{0, 1}, {255, 1}}), 1U);
  EXPECT_EQ(checksum_count(Runs{{0, 1}, {255, 2}}), 2U);
  EXPECT_EQ(checksum_count(Runs{{0, 1}, {254, 1}, {256, 1}, {1024, 1}}), 3U);
  EXPECT_EQ(checksum_count(Runs{{100, 1000}}), 5U);
}

}  // namespace
}  // namespace supermachine::snapshot
