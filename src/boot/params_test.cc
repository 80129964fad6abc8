// SPDX-License-Identifier: Apache-2.0
#include "boot/params.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "boot/layout.h"
#include "result_matchers.h"

namespace supermachine::boot {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

LoadedKernel kernel_up_to(std::uint64_t end) {
  LoadedKernel kernel{.entry = GuestAddr{kMiB}, .end = end};
  kernel.header.cmdline_size = 2047;
  return kernel;
}

TEST(BootParams, TellTheKernelWhereEverythingIs) {
  const GuestMemory memory = GuestMemory::create(16 * kMiB).value();
  const std::vector<std::byte> initramfs(5000, std::byte{7});
  ASSERT_THAT(write_boot_params(memory, kernel_up_to(2 * kMiB), "quiet", initramfs, 1), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto params, memory.read<boot_params>(kBootParamsAddr));
  EXPECT_EQ(params.hdr.ramdisk_size, 5000U);
  EXPECT_EQ(params.hdr.ramdisk_image % 4096, 0U);
  EXPECT_EQ(memory.read<std::uint8_t>(GuestAddr{params.hdr.ramdisk_image + 4999}).value(), 7);
  const auto text = memory.slice(GuestAddr{params.hdr.cmd_line_ptr}, 6).value();
  EXPECT_EQ(std::memcmp(text.data(), "quiet", 6), 0);
}

TEST(BootParams, MapMemoryOnBothSidesOfTheHole) {
  const GuestMemory memory = GuestMemory::create(kMmioHoleStart + kMiB).value();
  ASSERT_THAT(write_boot_params(memory, kernel_up_to(2 * kMiB), "", {}, 1), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto params, memory.read<boot_params>(kBootParamsAddr));
  ASSERT_EQ(params.e820_entries, 4);
  EXPECT_EQ(params.e820_table[2].addr + params.e820_table[2].size, kMmioHoleStart);
  EXPECT_EQ(params.e820_table[3].addr, kMmioHoleEnd);
  EXPECT_EQ(params.e820_table[3].size, kMiB);
}

TEST(BootParams, RefuseACommandLineThatWouldBeCut) {
  const GuestMemory memory = GuestMemory::create(16 * kMiB).value();
  EXPECT_THAT(write_boot_params(memory, kernel_up_to(2 * kMiB), std::string(2047, 'x'), {}, 1),
              IsOk());
  EXPECT_THAT(write_boot_params(memory, kernel_up_to(2 * kMiB), std::string(2048, 'x'), {}, 1),
              Fails(Errc::kInvalidArgument));
}

TEST(BootParams, RefuseAnInitramfsThatWouldOverlapTheKernel) {
  const GuestMemory memory = GuestMemory::create(16 * kMiB).value();
  const std::vector<std::byte> initramfs(2 * kMiB);
  EXPECT_THAT(write_boot_params(memory, kernel_up_to(14 * kMiB), "", initramfs, 1), IsOk());
  EXPECT_THAT(write_boot_params(memory, kernel_up_to(14 * kMiB + 1), "", initramfs, 1),
              Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::boot
