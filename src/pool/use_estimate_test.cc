// SPDX-License-Identifier: Apache-2.0
#include "pool/use_estimate.h"

#include <gtest/gtest.h>

namespace supermachine {
namespace {

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kBudget = 40 * kMib;

TEST(UseEstimate, GuessesBeforeAnythingWasSeen) {
  const UseEstimate estimate;
  EXPECT_EQ(estimate.largest(), 0U);
  EXPECT_EQ(estimate.of_one(kBudget), UseEstimate::kFirstGuess);
}

TEST(UseEstimate, IsTheLargestUse) {
  UseEstimate estimate;
  estimate.add(6 * kMib);
  estimate.add(24 * kMib);
  estimate.add(5 * kMib);
  EXPECT_EQ(estimate.of_one(kBudget), 24 * kMib);
}

TEST(UseEstimate, NeverExceedsTheBudget) {
  UseEstimate estimate;
  EXPECT_EQ(estimate.of_one(4096), 4096U);
  estimate.add(48 * kMib);
  EXPECT_EQ(estimate.of_one(kBudget), kBudget);
  EXPECT_EQ(estimate.largest(), 48 * kMib);
}

TEST(UseEstimate, ForgetsALargeUseAfterManySmallOnes) {
  UseEstimate estimate;
  estimate.add(48 * kMib);
  for (std::size_t i = 1; i < UseEstimate::kRemembered; ++i) estimate.add(6 * kMib);
  EXPECT_EQ(estimate.largest(), 48 * kMib);
  estimate.add(6 * kMib);
  EXPECT_EQ(estimate.largest(), 6 * kMib);
}

}  // namespace
}  // namespace supermachine
