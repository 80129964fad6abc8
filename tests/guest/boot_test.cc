// SPDX-License-Identifier: Apache-2.0
// A guest comes up as it was asked for: processors, memory, either kind of kernel.
#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/sys.h"
#include "guest.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

constexpr long kKibPerMib = 1024;

long mem_total_kib(const Vm& vm) {
  return std::stol(sh_output(vm, "awk '/^MemTotal:/ { print $2 }' /proc/meminfo"));
}

class BootWithVcpus : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(BootWithVcpus, GivesTheGuestThatManyAndAQuietLog) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_vcpus(GetParam())));

  const std::string count = std::to_string(GetParam());
  EXPECT_EQ(sh_output(vm, "nproc"), count);
  EXPECT_EQ(sh_output(vm, "grep -c ^processor /proc/cpuinfo"), count);
  EXPECT_EQ(sh_output(vm, "dmesg | grep -c '^.*Linux version'"), "1");
  EXPECT_EQ(sh_output(vm, "dmesg | grep -E 'BUG|WARNING|Call Trace' || true"), "");
}

TEST_P(BootWithVcpus, RunsWorkOnEachOfThem) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_vcpus(GetParam())));

  for (std::uint32_t cpu = 0; cpu < GetParam(); ++cpu) {
    // Field 39 of stat is the processor last run on (proc(5)).
    const std::string on = std::to_string(cpu);
    EXPECT_EQ(sh_output(vm, "taskset -c " + on + " sh -c \"cut -d' ' -f39 /proc/self/stat\""), on);
  }
}

INSTANTIATE_TEST_SUITE_P(Vcpus, BootWithVcpus, ::testing::Values(1U, 2U, 4U));

class BootWithMemory : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(BootWithMemory, GivesTheGuestNearlyAllOfIt) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_memory_mib(GetParam())));

  const long asked_kib = static_cast<long>(GetParam()) * kKibPerMib;
  const long total_kib = mem_total_kib(vm);
  EXPECT_LE(total_kib, asked_kib);
  // The kernel keeps its own image and 1/64 for its page descriptors.
  EXPECT_GE(total_kib, asked_kib - 24 * kKibPerMib - asked_kib / 48);
}

INSTANTIATE_TEST_SUITE_P(Mebibytes, BootWithMemory, ::testing::Values(64U, 128U, 512U, 2048U));

TEST(Boot, UsesMemoryAboveTheHoleBelow4GiB) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_memory_mib(3584)));

  EXPECT_GE(mem_total_kib(vm), 3400 * kKibPerMib);
  // The zone above 4 GiB is what the kernel hands out first.
  const std::string free_pages =
      "awk '/zone *Normal/ { on = 1 } on && /pages free/ { print $3; exit }' "
      "/proc/zoneinfo";
  const long before = std::stol(sh_output(vm, free_pages));
  const std::string sum = sh_output(
      vm,
      "dd if=/dev/urandom of=/dev/shm/seed bs=1M count=1 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 "
      "10 11 12 13 14 15 16; do cat /dev/shm/seed; done > /dev/shm/many; md5sum < /dev/shm/many");
  const long after = std::stol(sh_output(vm, free_pages));
  constexpr long kPagesOf16Mib = 4096;
  EXPECT_GT(before, 0);
  EXPECT_GE(before - after, kPagesOf16Mib / 2);
  EXPECT_EQ(sh_output(vm, "md5sum < /dev/shm/many"), sum);
}

TEST(Boot, TakesABzImageToo) {
  SM_ASSERT_OK_AND_ASSIGN(AssetPaths assets, AssetPaths::discover());
  const auto built = std::filesystem::canonical(assets.kernel).parent_path();
  assets.kernel = (built / "bzImage").string();

  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_assets(assets)));

  EXPECT_THAT(sh_output(vm, "uname -s"), "Linux");
}

TEST(Boot, CopiesTheConsoleToTheCallersDescriptor) {
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd log, anonymous_file("/tmp"));

  {
    SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_console_fd(log.get())));
    EXPECT_EQ(sh(vm, "echo spoken > /dev/console").status, 0);
  }

  SM_ASSERT_OK_AND_ASSIGN(const std::uint64_t size, sys::file_size(log.get()));
  std::string text(size, '\0');
  ASSERT_THAT(read_exact_at(log.get(), std::as_writable_bytes(std::span(text)), 0), IsOk());
  EXPECT_THAT(text, HasSubstr("Linux version"));
  EXPECT_THAT(text, HasSubstr("spoken\n"));
}

TEST(Boot, SaysWhereTheTimeWent) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest());

  const StartTimings& timings = vm.timings();
  EXPECT_GT(timings.vm_created.count(), 0);
  EXPECT_GE(timings.kernel_entered, timings.vm_created);
  EXPECT_GT(timings.agent_ready, timings.kernel_entered);
}

TEST(Boot, TwoVmsAtATimeShareNothing) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm one, start_guest(VmConfig().with_hostname("one")));
  SM_ASSERT_OK_AND_ASSIGN(const Vm two, start_guest(VmConfig().with_hostname("two")));

  EXPECT_EQ(sh(one, "echo of-one > /etc/mark; rm /bin/ls").status, 0);

  EXPECT_EQ(sh_output(one, "hostname"), "one");
  EXPECT_EQ(sh_output(two, "hostname"), "two");
  EXPECT_EQ(sh_output(one, "cat /etc/mark"), "of-one");
  EXPECT_NE(sh(two, "cat /etc/mark").status, 0);
  EXPECT_EQ(sh(two, "ls /").status, 0);
}

}  // namespace
}  // namespace supermachine
