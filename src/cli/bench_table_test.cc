// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_table.h"

#include <gmock/gmock.h>

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

BenchLine line_of(int count) {
  BenchLine line{.what = "restore", .vms = 16};
  for (int i = count; i >= 1; --i) line.times.emplace_back(i * 1ms);
  return line;
}

TEST(BenchTable, TakesTheSmallestTimeThatEnoughDoNotExceed) {
  EXPECT_EQ(line_of(100).percentile(50), 50ms);
  EXPECT_EQ(line_of(100).percentile(99), 99ms);
  EXPECT_EQ(line_of(3).percentile(50), 2ms);
  EXPECT_EQ(line_of(3).percentile(99), 3ms);
  EXPECT_EQ(line_of(1).percentile(50), 1ms);
}

TEST(BenchTable, HasALineEachAndTheMemory) {
  const BenchResult result{.lines = {line_of(20)}, .memory = {{.vms = 16, .bytes_each = 3 << 19}}};

  EXPECT_THAT(
      result.table(),
      HasSubstr("\n| restore             |        16 |    10.00 |    19.00 |    20.00 |\n"));
  EXPECT_THAT(result.table(), HasSubstr("memory of each of 16 idle VMs: 1.50 MiB\n"));
}

TEST(BenchTable, SpeaksJson) {
  const BenchResult result{.lines = {line_of(2)}, .memory = {{.vms = 16, .bytes_each = 42}}};

  EXPECT_EQ(result.json(),
            "{\"times\": [\n"
            "  {\"what\": \"restore\", \"vms\": 16, \"rounds\": 2, \"p50_ns\": 1000000, "
            "\"p95_ns\": 2000000, \"p99_ns\": 2000000}\n"
            "], \"memory\": [\n"
            "  {\"vms\": 16, \"bytes_each\": 42}\n"
            "]}\n");
}

}  // namespace
}  // namespace supermachine::cli
