// SPDX-License-Identifier: Apache-2.0
// Pools under load: many threads, many cycles, nothing lost.
#include <algorithm>
#include <atomic>
#include <thread>

#include "snapshot_guest.h"
#include "supermachine/pool.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

class PoolLoad : public BusyboxSnapshotTest {};

// 16 threads share 4 VMs. Who has waited longest is next, so nobody waits much longer than another.
TEST_F(PoolLoad, ThreadsTakeTurns) {
  constexpr int kThreads = 16;
  const int rounds = is_soak() ? 63 : 16;  // emulated, the full thousand takes minutes
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(4).acquire_timeout(60s).build());
  struct Tally {
    int right = 0;
    std::chrono::nanoseconds waited{};  // all together
    std::string wrong;
  };
  std::vector<Tally> tallies(kThreads);
  std::atomic<int> in_use = 0;
  std::atomic<int> most_in_use = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Tally& tally = tallies[static_cast<std::size_t>(t)];
      for (int round = 0; round < rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        auto vm = pool.acquire();
        tally.waited += std::chrono::steady_clock::now() - begin;
        if (!vm.ok()) {
          tally.wrong = vm.error().message();
          return;
        }
        const int now = ++in_use;
        for (int most = most_in_use; most < now && !most_in_use.compare_exchange_weak(most, now);) {
        }
        const std::string word = std::to_string(t) + "-" + std::to_string(round);
        auto outcome = vm.value().exec_builder().argv({"echo", word}).timeout(30s).output();
        --in_use;
        if (outcome.ok() && outcome.value().stdout == word + "\n" && outcome.value().status == 0) {
          ++tally.right;
        } else {
          tally.wrong = outcome.ok() ? outcome.value().stdout : outcome.error().message();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::chrono::nanoseconds least = std::chrono::nanoseconds::max();
  std::chrono::nanoseconds most{};
  for (const Tally& tally : tallies) {
    EXPECT_EQ(tally.right, rounds) << tally.wrong;
    least = std::min(least, tally.waited);
    most = std::max(most, tally.waited);
  }
  EXPECT_LT(most, least * 3) << "some thread was passed over";
  EXPECT_LE(most_in_use, 4);
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.acquired, static_cast<std::uint64_t>(kThreads * rounds));
  EXPECT_EQ(stats.retired, 0U);
  EXPECT_LE(stats.alive, 4U);
  EXPECT_EQ(stats.idle, stats.alive);
  EXPECT_EQ(stats.waiting, 0U);
}

// VMs that end under their users, in the middle of it all.
TEST_F(PoolLoad, LosesNothingButWhatEnded) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 20;
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool,
                          image().pool().min(1).max(3).acquire_timeout(60s).build());
  std::atomic<int> right = 0;
  std::atomic<std::uint64_t> ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < kRounds; ++round) {
        auto vm = pool.acquire();
        if (!vm.ok()) continue;
        if ((t + round) % 10 == 0) {
          const auto outcome =
              vm.value().exec_builder().argv({"reboot", "-f"}).timeout(60s).output();
          EXPECT_FALSE(outcome.ok()) << outcome.value().status << outcome.value().timed_out;
          if (outcome.ok()) continue;
          ++ended;
          EXPECT_NE(outcome.error().code(), Errc::kTimeout) << outcome.error().message();
          continue;
        }
        const auto outcome = vm.value().exec_builder().argv({"true"}).timeout(30s).output();
        if (outcome.ok() && outcome.value().success()) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(ended, 16U);
  EXPECT_EQ(right, kThreads * kRounds - 16);
  EXPECT_EQ(pool.stats().acquired, std::uint64_t{kThreads} * kRounds);
  // One that had not come to its end when it came back could be reset.
  EXPECT_LE(pool.stats().retired, 16U);
}

TEST_F(PoolLoad, NoExitStatusIsLostInManyCycles) {
  // With the shell in the page cache: each cycle would read it from the disk again, most of its
  // time.
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome read,
                          vm.exec_builder().argv({"sh", "-c", "echo; exit 1"}).output());
  ASSERT_EQ(read.status, 1);
  SM_ASSERT_OK_AND_ASSIGN(const Image warm, vm.snapshot(path("warm")));
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, warm.pool().max(1).build());
  const int cycles = is_soak() ? 5000 : 300;  // emulated, a cycle takes a tenth of a second
  for (int cycle = 0; cycle < cycles; ++cycle) {
    auto taken = pool.acquire();
    ASSERT_THAT(taken, IsOk()) << "cycle " << cycle;
    const std::string word = std::to_string(cycle);
    const std::string status = std::to_string(cycle % 126);
    auto outcome = taken.value()
                       .exec_builder()
                       .argv({"sh", "-c", "echo " + word + "; exit " + status})
                       .timeout(30s)
                       .output();
    ASSERT_THAT(outcome, IsOk()) << "cycle " << cycle;
    ASSERT_EQ(outcome.value().status, cycle % 126) << "cycle " << cycle;
    ASSERT_EQ(outcome.value().stdout, word + "\n");
  }
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.acquired, static_cast<std::uint64_t>(cycles));
  EXPECT_EQ(stats.restore.count, 1U) << "all by one VM";
  EXPECT_EQ(stats.wake.count, static_cast<std::uint64_t>(cycles - 1));
  EXPECT_EQ(stats.retired, 0U);
}

}  // namespace
}  // namespace supermachine
