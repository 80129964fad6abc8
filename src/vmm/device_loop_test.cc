// SPDX-License-Identifier: Apache-2.0
#include "vmm/device_loop.h"

#include <gtest/gtest.h>

#include <thread>

#include "no_more_threads.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

TEST(DeviceLoop, RunsWorkOnItsThreadBetweenStartAndStopAndHereOtherwise) {
  SM_ASSERT_OK_AND_ASSIGN(const auto loop, DeviceLoop::create());
  std::thread::id ran{};
  const auto note = [&ran] { ran = std::this_thread::get_id(); };
  loop->run(note);
  EXPECT_EQ(ran, std::this_thread::get_id());
  loop->start();
  loop->start();
  loop->run(note);
  EXPECT_NE(ran, std::this_thread::get_id());
  loop->stop();
  loop->run(note);
  EXPECT_EQ(ran, std::this_thread::get_id());
}

TEST(DeviceLoop, EndsWithoutHavingBeenStarted) {
  SM_ASSERT_OK_AND_ASSIGN(const auto loop, DeviceLoop::create());
  bool called = false;
  loop->events().post([&called] { called = true; });
  loop->stop();
  EXPECT_FALSE(called);
}

TEST(DeviceLoop, SaysThatNoThreadCanBeStarted) {
  const NoMoreThreads limit;
  EXPECT_THAT(DeviceLoop::create(), FailsSaying(Errc::kExhausted, "sm-devices"));
}

}  // namespace
}  // namespace supermachine
