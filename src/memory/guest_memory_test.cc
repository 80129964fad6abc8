// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.h"

#include <gtest/gtest.h>

#include "result_matchers.h"

namespace supermachine {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

TEST(GuestMemory, ReadsBackWhatWasWritten) {
  const GuestMemory memory = GuestMemory::create(0x10000).value();
  ASSERT_THAT(memory.write(GuestAddr{0x1234}, std::uint64_t{42}), IsOk());
  EXPECT_EQ(memory.read<std::uint64_t>(GuestAddr{0x1234}).value(), 42U);
}

TEST(GuestMemory, RefusesWhatReachesBeyondTheEnd) {
  const GuestMemory memory = GuestMemory::create(0x10000).value();
  EXPECT_THAT(memory.slice(GuestAddr{0x10000}, 0), IsOk());
  EXPECT_THAT(memory.slice(GuestAddr{0xffff}, 2), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.slice(GuestAddr{0x8000}, ~0ULL), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.slice(GuestAddr{~0ULL}, 2), Fails(Errc::kGuestFault));
}

TEST(GuestMemory, ContinuesAboveTheHole) {
  const GuestMemory memory = GuestMemory::create(4 * kGiB).value();
  ASSERT_EQ(memory.regions().size(), 2U);
  EXPECT_EQ(memory.regions()[1].start, GuestAddr{kMmioHoleEnd});
  EXPECT_EQ(memory.regions()[1].bytes.size(), kGiB);

  ASSERT_THAT(memory.write(GuestAddr{kMmioHoleEnd + 8}, std::uint32_t{7}), IsOk());
  EXPECT_EQ(memory.read<std::uint32_t>(GuestAddr{kMmioHoleEnd + 8}).value(), 7U);
}

TEST(GuestMemory, HasNothingInTheHoleAndNothingAcrossIt) {
  const GuestMemory memory = GuestMemory::create(4 * kGiB).value();
  EXPECT_THAT(memory.slice(GuestAddr{kMmioHoleStart - 8}, 16), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.slice(GuestAddr{kMmioHoleStart + 4096}, 1), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.slice(GuestAddr{kMmioHoleEnd - 8}, 16), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.slice(GuestAddr{5 * kGiB}, 1), Fails(Errc::kGuestFault));
}

TEST(GuestMemory, RefusesAMisalignedRingIndex) {
  const GuestMemory memory = GuestMemory::create(0x10000).value();
  EXPECT_THAT(memory.load_acquire16(GuestAddr{0x1001}), Fails(Errc::kGuestFault));
  EXPECT_THAT(memory.store_release16(GuestAddr{0x1001}, 1), Fails(Errc::kGuestFault));
}

}  // namespace
}  // namespace supermachine
