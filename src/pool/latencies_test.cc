// SPDX-License-Identifier: Apache-2.0
#include "pool/latencies.h"

#include <gtest/gtest.h>

namespace supermachine {
namespace {

using namespace std::chrono_literals;

TEST(Latencies, AreZeroBeforeTheFirst) {
  const auto summary = Latencies().summary();
  EXPECT_EQ(summary.count, 0U);
  EXPECT_EQ(summary.p50, 0ns);
  EXPECT_EQ(summary.p99, 0ns);
}

TEST(Latencies, OfOneAreThatOne) {
  Latencies latencies;
  latencies.add(7us);
  const auto summary = latencies.summary();
  EXPECT_EQ(summary.count, 1U);
  EXPECT_EQ(summary.p50, 7us);
  EXPECT_EQ(summary.p95, 7us);
  EXPECT_EQ(summary.p99, 7us);
}

TEST(Latencies, AreSortedWhateverTheirOrder) {
  Latencies latencies;
  for (int i = 0; i < 100; ++i) latencies.add(std::chrono::microseconds(i * 37 % 100));
  const auto summary = latencies.summary();
  EXPECT_EQ(summary.count, 100U);
  EXPECT_EQ(summary.p50, 50us);
  EXPECT_EQ(summary.p95, 95us);
  EXPECT_EQ(summary.p99, 99us);
}

TEST(Latencies, ForgetTheOldestAndCountAll) {
  Latencies latencies;
  for (int i = 0; i < 5000; ++i) latencies.add(1s);
  for (int i = 0; i < 5000; ++i) latencies.add(1us);
  const auto summary = latencies.summary();
  EXPECT_EQ(summary.count, 10'000U);
  EXPECT_EQ(summary.p99, 1us);
}

}  // namespace
}  // namespace supermachine
