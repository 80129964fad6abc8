// SPDX-License-Identifier: Apache-2.0
#include "base/progress_report.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace supermachine {
namespace {

TEST(ProgressReport, TellsTheBeginningAndTheEndOfAStep) {
  std::vector<Progress> calls;
  ProgressReport report([&](const Progress& progress) { calls.push_back(progress); });

  auto step = report.begin(Stage::kDownload, "layer a", 100, "resumed at 0.0 MiB");
  step.set_done(40);
  step.add(60);
  step.finish();

  ASSERT_EQ(calls.size(), 2U);  // the others came too soon
  EXPECT_EQ(calls[0].elapsed.count(), 0);
  EXPECT_EQ(calls[0].item, "layer a");
  EXPECT_FALSE(calls[0].finished);
  EXPECT_TRUE(calls[1].finished);
  EXPECT_EQ(calls[1].done, 100U);
  EXPECT_EQ(calls[1].total, 100U);
  EXPECT_GT(calls[1].elapsed.count(), 0);
  EXPECT_EQ(calls[1].note, "resumed at 0.0 MiB");
}

TEST(ProgressReport, CallsAtMostTenTimesASecond) {
  int calls = 0;
  ProgressReport report([&](const Progress&) { ++calls; });

  auto step = report.begin(Stage::kUnpack);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(250)) step.add(1);

  EXPECT_EQ(calls, 3);
}

TEST(ProgressReport, CallsOnceAtATime) {
  std::atomic<int> inside = 0;
  std::atomic<bool> met = false;
  ProgressReport report([&](const Progress&) {
    if (++inside != 1) met = true;
    std::this_thread::yield();
    --inside;
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 200; ++k) report.begin(Stage::kDownload).finish();
      });
    }
  }
  EXPECT_FALSE(met);
}

TEST(ProgressReport, OfNobodyDoesNothing) {
  ProgressReport report(nullptr);
  report.begin(Stage::kBoot).finish();
  ProgressReport::Step none;
  none.add(1);
  none.finish();
}

TEST(StageName, IsOneWord) { EXPECT_STREQ(stage_name(Stage::kRootfs), "rootfs"); }

}  // namespace
}  // namespace supermachine
