// SPDX-License-Identifier: Apache-2.0
#include "boot/mp_table.h"

#include <gtest/gtest.h>

#include <numeric>
#include <span>

#include "base/endian.h"

namespace supermachine::boot {
namespace {

unsigned sum(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0U,
                         [](unsigned total, std::byte byte) {
                           return total + std::to_integer<unsigned>(byte);
                         }) &
         0xff;
}

TEST(MpTable, ChecksumsAddUpToZero) {
  for (const std::uint32_t vcpus : {1U, 2U, kMaxVcpus}) {
    const auto table = make_mp_table(0x9fc00, vcpus);
    EXPECT_EQ(sum(std::span(table).first(16)), 0U);
    EXPECT_EQ(sum(std::span(table).subspan(16)), 0U);
  }
}

TEST(MpTable, PointsToItselfAndKnowsItsLength) {
  const auto table = make_mp_table(0x9fc00, 4);
  EXPECT_EQ(load_le<std::uint32_t>(table, 4), 0x9fc10U);
  EXPECT_EQ(load_le<std::uint16_t>(table, 16 + 4), table.size() - 16);
}

// Every entry is 8 bytes long, but a processor's 20: the count has to agree with what is there.
TEST(MpTable, ListsEachVcpuOnceWithTheFirstAsBootProcessor) {
  const auto table = make_mp_table(0x9fc00, 3);
  std::size_t at = 16 + 44;
  std::vector<unsigned> apic_ids;
  for (auto left = load_le<std::uint16_t>(table, 16 + 34); left > 0; --left) {
    const auto type = load_le<std::uint8_t>(table, at);
    if (type == 0) {
      apic_ids.push_back(load_le<std::uint8_t>(table, at + 1));
      EXPECT_EQ(load_le<std::uint8_t>(table, at + 3), apic_ids.back() == 0 ? 3 : 1);
    }
    at += type == 0 ? 20 : 8;
  }
  EXPECT_EQ(at, table.size());
  EXPECT_EQ(apic_ids, (std::vector<unsigned>{0, 1, 2}));
}

}  // namespace
}  // namespace supermachine::boot
