// SPDX-License-Identifier: Apache-2.0
// Pools of real guests: what one user leaves behind, the next must not find; what a pool does with
// VMs that nobody needs, that fail, and for which there is no room.
#include "supermachine/pool.h"

#include <set>
#include <thread>

#include "snapshot_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

class PoolTest : public BusyboxSnapshotTest {
 protected:
  // Waits up to ten seconds until the pool's figures are as wanted.
  static bool comes_to(const Pool& pool, const std::function<bool(const PoolStats&)>& wanted) {
    for (int i = 0; i < 1000; ++i) {
      if (wanted(pool.stats())) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  static Vm& running(PooledVm& vm) { return *vm; }
};

// What a user can see of the last one's work, after a line that is new each time.
constexpr std::string_view kLook = R"(
read -r id < /proc/sys/kernel/random/boot_id; echo $id
cat /tmp/mark /root/deep/file /etc/added /dev/shm/mark /etc/passwd /proc/mounts /proc/net/tcp6 \
    /proc/sys/vm/swappiness /proc/sys/kernel/panic /proc/sys/kernel/hostname 2> /dev/null
pidof sleep nc
echo /tmp/* /root/*
)";

// Memory, disk, kernel parameters, a mount, a user, processes, a listener.
constexpr std::string_view kLeave = R"(
echo mark > /tmp/mark; echo mark > /dev/shm/mark; echo mark > /etc/added
mkdir -p /root/deep /root/mounted; echo deep > /root/deep/file
head -c 500000 /bin/busybox > /tmp/big
echo 7 > /proc/sys/vm/swappiness; echo 9 > /proc/sys/kernel/panic
echo marked > /proc/sys/kernel/hostname
mount -t tmpfs none /root/mounted
echo marker:x:77:77::/:/bin/sh >> /etc/passwd
setsid sleep 1000 > /dev/null 2>&1 &
setsid nc -ll -p 7777 -e cat > /dev/null 2>&1 &
)";

TEST_F(PoolTest, NextUserFindsNothingOfTheLast) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(1).max(1).build());
  const int cycles = is_soak() ? 200 : 60;  // emulated, 200 take a minute
  std::string pristine;
  std::set<std::string> boot_ids;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    const std::string said = sh_output(*vm, std::string(kLook) + std::string(kLeave));
    ASSERT_GT(said.size(), 37U);
    EXPECT_TRUE(boot_ids.insert(said.substr(0, 36)).second) << "cycle " << cycle;
    const std::string found = said.substr(37);
    if (cycle == 0) pristine = found;
    ASSERT_EQ(found, pristine) << "cycle " << cycle;
    if (cycle % 50 == 0) {
      const std::string left = sh_output(
          *vm, "while ! grep -q :1E61 /proc/net/tcp6; do sleep 0.01; done" + std::string(kLook));
      for (const char* trace : {"mark", "deep", "marker", "marked", "/root/mounted", ":1E61",
                                "\n7\n", "\n9\n", "/tmp/big"})
        EXPECT_THAT(left, ::testing::HasSubstr(trace)) << "the test would see nothing";
    }
  }
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.retired, 0U);
  EXPECT_EQ(stats.acquired, static_cast<std::uint64_t>(cycles));
  EXPECT_EQ(stats.reset.count, static_cast<std::uint64_t>(cycles));
}

// The same memory is seen at once by all, and stays each one's own.
TEST_F(PoolTest, UsersAtTheSameTimeDoNotSeeEachOther) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(8).build());
  for (int round = 0; round < 3; ++round) {
    std::vector<PooledVm> vms;
    for (int i = 0; i < 8; ++i) {
      SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
      EXPECT_EQ(
          sh_output(*vm, "cat /tmp/mine 2> /dev/null; echo " + std::to_string(i) + " > /tmp/mine"),
          "");
      vms.push_back(std::move(vm));
    }
    for (std::size_t i = 0; i < vms.size(); ++i)
      EXPECT_EQ(sh_output(*vms[i], "cat /tmp/mine"), std::to_string(i));
    EXPECT_EQ(pool.stats().in_use, 8U);
  }
  EXPECT_EQ(pool.stats().idle, 8U);
}

TEST_F(PoolTest, KeepsWhatWasDoneWhereThatIsWanted) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).restore_on_release(false).build());
  for (int cycle = 0; cycle < 5; ++cycle) {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    EXPECT_EQ(sh_output(*vm, "echo x >> /root/count; wc -l < /root/count"),
              std::to_string(cycle + 1));
  }
}

// It would be without its workload.
TEST_F(PoolTest, VmWhoseWorkloadDidNotStartIsNotHandedOut) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  sh_output(vm, "rm -f $(which sh)");
  SM_ASSERT_OK_AND_ASSIGN(const Image broken, vm.snapshot(path("broken")));
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, broken.pool()
                                               .max(1)
                                               .restore_on_release(false)
                                               .config(VmConfig().with_workload(true))
                                               .build());
  EXPECT_FALSE(pool.acquire().ok());
  EXPECT_FALSE(pool.acquire().ok()) << "the same VM, as if it were in use already";
  EXPECT_TRUE(comes_to(pool, [](const PoolStats& s) { return s.retired == 2 && s.alive == 0; }));
}

TEST_F(PoolTest, TimingsCountFromTheAcquire) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(1).max(1).build());
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(2s);
    const auto begin = std::chrono::steady_clock::now();
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    EXPECT_LE(vm->timings().agent_ready, std::chrono::steady_clock::now() - begin) << i;
    EXPECT_GT(vm->timings().agent_ready, vm->timings().kernel_entered) << i;
  }
}

// It was well when it came back, and ended when nobody looked.
TEST_F(PoolTest, VmThatEndedWhileItWasIdleIsNotHandedOut) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).restore_on_release(false).build());
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    sh_output(*vm, "(sleep 0.3; reboot -f) > /dev/null 2>&1 &");
  }
  std::this_thread::sleep_for(2s);
  SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
  EXPECT_EQ(sh_output(*vm, "echo new"), "new");
  EXPECT_EQ(pool.stats().retired, 1U);
}

// However a VM ends in use, its user hears of it, the others do not, and its place is free again.
TEST_F(PoolTest, ErrorsInOneVmStayThere) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(2).max(2).build());
  std::uint64_t ends = 0;
  for (const char* end : {"reboot -f", "poweroff -f", "halt -f",
                          "echo triple > /sys/kernel/reboot/type; reboot -f"}) {
    SCOPED_TRACE(end);
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm good, pool.acquire());
    sh_output(*good, "echo mine > /tmp/mine");
    {
      SM_ASSERT_OK_AND_ASSIGN(PooledVm bad, pool.acquire());
      const auto outcome =
          bad.exec_builder().argv({"sh", "-c", std::string(end) + "; sleep 60"}).output();
      EXPECT_THAT(outcome, Fails(Errc::kGuestFault));
      EXPECT_EQ(sh_output(*good, "cat /tmp/mine"), "mine");
      EXPECT_TRUE(running(bad).wait(10s).has_value());
    }
    ++ends;
    EXPECT_TRUE(comes_to(pool, [&](const PoolStats& s) { return s.retired == ends; }));
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm next, pool.acquire());
    EXPECT_EQ(sh_output(*next, "[ ! -e /tmp/mine ] && echo new"), "new");
    EXPECT_EQ(sh_output(*good, "cat /tmp/mine"), "mine");
  }
  EXPECT_TRUE(comes_to(pool, [](const PoolStats& s) { return s.idle == 2 && s.alive == 2; }));
}

// Anyone in the guest can write to the console what the kernel would.
TEST_F(PoolTest, NextUserIsToldNothingOfTheLastOnesConsole) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(1).max(1).build());
  const auto say = [](const Vm& vm, const std::string& line) {
    EXPECT_EQ(sh_output(vm, "echo '" + line + "' > /dev/console && echo said"), "said");
  };
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    say(*vm, "reboot: System halted");
  }
  {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    say(*vm, "reboot: System halted");
    std::this_thread::sleep_for(2s);  // nobody looks any more
    EXPECT_THAT(vm.exec_builder().argv({"sh", "-c", "halt -f; sleep 60"}).timeout(30s).output(),
                Fails(Errc::kGuestFault));
    EXPECT_TRUE(running(vm).wait(10s).has_value());
  }
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    say(*vm, "Kernel panic - not syncing: of the last user");
  }
  SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
  EXPECT_THAT(vm.exec_builder().argv({"reboot", "-f"}).timeout(60s).output(),
              Fails(Errc::kGuestFault));
  const auto end = running(vm).wait(10s);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->kind, VmExit::Kind::kReset) << end->message;
  EXPECT_EQ(end->message.find("last user"), std::string::npos) << end->message;
}

TEST_F(PoolTest, VmThatItsUserStopsIsReplaced) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).build());
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    EXPECT_EQ(sh_output(*vm, "echo on"), "on");
    running(vm).stop();
  }
  EXPECT_TRUE(comes_to(pool, [](const PoolStats& s) { return s.retired == 3 && s.alive == 0; }));
}

TEST_F(PoolTest, AcquireGivesUpInTime) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).acquire_timeout(200ms).build());
  std::optional<PooledVm> held;
  {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    held.emplace(std::move(vm));
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(pool.acquire(), FailsSaying(Errc::kTimeout, "200 ms"));
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 200ms);
  EXPECT_LT(took, 2s);
  EXPECT_EQ(pool.stats().waiting, 0U);
  held.reset();
  EXPECT_THAT(pool.acquire(), IsOk());
}

TEST_F(PoolTest, BudgetStopsGrowthUntilThereIsRoom) {
  SM_ASSERT_OK_AND_ASSIGN(
      const Pool pool,
      image().pool().max(8).memory_budget(std::uint64_t{40} << 20).acquire_timeout(300ms).build());
  {
    // One use of some 24 MiB: the next are expected to be like it.
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    sh_output(*vm, "head -c 24000000 /dev/zero > /tmp/big");
  }
  std::optional<PooledVm> one;
  {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    one.emplace(std::move(vm));
  }
  EXPECT_THAT(pool.acquire(), FailsSaying(Errc::kExhausted, "memory budget"));
  EXPECT_EQ(sh_output(**one, "echo on"), "on");
  std::thread gives_back([&] {
    std::this_thread::sleep_for(100ms);
    one.reset();
  });
  EXPECT_THAT(pool.acquire(), IsOk()) << "who waits gets what comes back";
  gives_back.join();
}

TEST_F(PoolTest, OneLargeUseDoesNotCloseAPoolWithABudget) {
  SM_ASSERT_OK_AND_ASSIGN(
      const Pool pool,
      image().pool().max(4).memory_budget(std::uint64_t{20} << 20).acquire_timeout(300ms).build());
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    sh_output(*vm, "head -c 24000000 /dev/zero > /tmp/big");
  }
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    EXPECT_EQ(sh_output(*vm, "echo on"), "on");
    EXPECT_THAT(pool.acquire(), Fails(Errc::kExhausted)) << "the next may be like the last";
  }
  for (int i = 0; i < 16; ++i) EXPECT_THAT(pool.acquire(), IsOk()) << i;
  SM_ASSERT_OK_AND_ASSIGN(const PooledVm one, pool.acquire());
  EXPECT_THAT(pool.acquire(), IsOk()) << "there were many small uses since";
}

TEST_F(PoolTest, BudgetCountsWhatVmsKeepThatAreNotReset) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image()
                                               .pool()
                                               .max(4)
                                               .restore_on_release(false)
                                               .memory_budget(std::uint64_t{40} << 20)
                                               .acquire_timeout(300ms)
                                               .build());
  {
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    sh_output(*vm, "head -c 24000000 /dev/zero > /tmp/big");
  }
  EXPECT_GT(pool.stats().private_bytes, 24'000'000U);
  SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
  EXPECT_EQ(sh_output(*vm, "wc -c < /tmp/big"), "24000000");
  EXPECT_THAT(pool.acquire(), Fails(Errc::kExhausted));
}

// Idle VMs that keep nothing are not ended for a budget: that would gain nothing, and those of
// min() would be made again and again.
TEST_F(PoolTest, BudgetDoesNotEndVmsInVain) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image()
                                               .pool()
                                               .min(4)
                                               .max(8)
                                               .memory_budget(std::uint64_t{6} << 20)
                                               .acquire_timeout(1s)
                                               .build());
  SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
  EXPECT_THAT(pool.acquire(), Fails(Errc::kExhausted));
  EXPECT_EQ(pool.stats().retired, 0U);
  EXPECT_EQ(pool.stats().idle, 3U);
}

TEST_F(PoolTest, IdleVmsBeyondTheMinimumEnd) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool,
                          image().pool().min(1).max(4).idle_timeout(300ms).build());
  EXPECT_EQ(pool.stats().idle, 1U);
  {
    std::vector<PooledVm> vms;
    for (int i = 0; i < 4; ++i) {
      SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
      vms.push_back(std::move(vm));
    }
    EXPECT_EQ(pool.stats().alive, 4U);
  }
  EXPECT_TRUE(comes_to(pool, [](const PoolStats& s) { return s.alive == 1; }));
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(pool.stats().idle, 1U) << "the minimum stays";
  EXPECT_THAT(pool.acquire(), IsOk());
}

TEST_F(PoolTest, MinimumIsMadeAgain) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(2).max(2).build());
  {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    running(vm).stop();
  }
  EXPECT_TRUE(comes_to(pool, [](const PoolStats& s) { return s.idle == 2 && s.retired == 1; }));
}

TEST_F(PoolTest, LoanOutlivesThePool) {
  std::optional<PooledVm> loan;
  {
    SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).build());
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    loan.emplace(std::move(vm));
  }
  EXPECT_EQ(sh_output(**loan, "echo on"), "on");
  loan.reset();
}

TEST_F(PoolTest, CapturedVmGoesBackAsItWas) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).build());
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    EXPECT_EQ(sh_output(*vm, "cat /root/state 2> /dev/null; echo one > /root/state"), "");
    SM_ASSERT_OK_AND_ASSIGN(const Image captured, vm->snapshot(path("captured")));
    sh_output(*vm, "echo two > /root/state");
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, captured.start());
    EXPECT_EQ(sh_output(copy, "cat /root/state"), "one");
  }
  EXPECT_EQ(pool.stats().retired, 0U);
}

TEST_F(PoolTest, BootsAndCapturesWhatIsNoSnapshot) {
  SM_ASSERT_OK_AND_ASSIGN(const Image busybox, test_image("busybox"));
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool,
                          busybox.pool().max(2).config(VmConfig().with_memory_mib(128)).build());
  SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
  EXPECT_TRUE(pool.image().is_snapshot());
  EXPECT_EQ(sh_output(*vm, "echo on"), "on");
}

TEST_F(PoolTest, RefusesSettingsThatContradictEachOther) {
  EXPECT_THAT(image().pool().min(5).max(4).build(), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(image().pool().max(0).build(), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(image().pool().config(VmConfig().with_memory_mib(512)).build(),
              FailsSaying(Errc::kInvalidArgument, "512 MiB"));
}

}  // namespace
}  // namespace supermachine
