// SPDX-License-Identifier: Apache-2.0
// What a pool does about VMs that cannot be made, and about those that nobody has woken yet. What
// takes a guest is in tests/guest/pool_test.cc.
#include "pool/vm_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "no_more_threads.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

VmPoolConfig failing(std::atomic<int>& calls) {
  return {.max = 4, .acquire_timeout = 10s, .make = [&calls]() -> Result<PoolVm> {
            return Error(Errc::kOs, "attempt " + std::to_string(++calls));
          }};
}

// VMs that are only counted.
VmPoolConfig counting(std::atomic<int>& calls) {
  return {.max = 4, .acquire_timeout = 30ms, .make = [&calls]() -> Result<PoolVm> {
            ++calls;
            return PoolVm{};
          }};
}

TEST(VmPool, FailsToBeMadeWithoutItsFirstVms) {
  std::atomic<int> calls = 0;
  VmPoolConfig config = failing(calls);
  config.min = 2;
  EXPECT_THAT(VmPool::create(config), Fails(Errc::kOs));
  EXPECT_EQ(calls, 1);
}

TEST(VmPool, FailsToBeMadeWithoutAThreadOfItsOwn) {
  std::atomic<int> calls = 0;
  const NoMoreThreads limit;
  EXPECT_THAT(VmPool::create(counting(calls)), FailsSaying(Errc::kExhausted, "sm-pool"));
}

TEST(VmPool, MakesItsFirstVmsAtOnce) {
  std::atomic<int> calls = 0;
  VmPoolConfig config = counting(calls);
  config.min = 3;
  SM_ASSERT_OK_AND_ASSIGN(const auto pool, VmPool::create(config));
  EXPECT_EQ(calls, 3);
  const VmPoolStats stats = pool->stats();
  EXPECT_EQ(stats.alive, 3U);
  EXPECT_EQ(stats.idle, 3U);
  EXPECT_EQ(stats.acquired, 0U);
  EXPECT_EQ(stats.private_bytes, 0U);
}

TEST(VmPool, TellsWhyAVmCouldNotBeMadeAndTriesAgain) {
  std::atomic<int> calls = 0;
  SM_ASSERT_OK_AND_ASSIGN(const auto pool, VmPool::create(failing(calls)));
  for (int i = 1; i <= 10; ++i) {
    EXPECT_THAT(pool->acquire(), FailsSaying(Errc::kOs, "attempt " + std::to_string(i)));
    EXPECT_EQ(pool->stats().alive, 0U) << "its place is free again";
  }
  EXPECT_EQ(pool->stats().acquired, 0U);
}

TEST(VmPool, FailuresOfManyThreadsLeaveNobodyWaiting) {
  std::atomic<int> calls = 0;
  SM_ASSERT_OK_AND_ASSIGN(const auto pool, VmPool::create(failing(calls)));
  constexpr int kThreads = 16;
  constexpr int kRounds = 50;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        const auto vm = pool->acquire();
        if (!vm.ok() && vm.error().code() == Errc::kOs) ++failed;
        static_cast<void>(pool->stats());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, kThreads * kRounds);
  EXPECT_EQ(calls, kThreads * kRounds);
  EXPECT_EQ(pool->stats().alive, 0U);
  EXPECT_EQ(pool->stats().waiting, 0U);
}

}  // namespace
}  // namespace supermachine
