// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string_view>
#include <vector>

namespace supermachine {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Crc32c, GivesTheChecksumsOfTheStandard) {
  // RFC 3720, B.4, and the customary check value.
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstruction) {
  std::vector<std::uint8_t> numbers(300);
  std::iota(numbers.begin(), numbers.end(), std::uint8_t{7});
  const auto all = std::as_bytes(std::span(numbers));
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t length = 0; length < 40; ++length) {
      const auto part = all.subspan(start, length);
      EXPECT_EQ(crc32c(part, 0x1234), crc32c_portable(part, 0x1234)) << start << "+" << length;
    }
  }
  EXPECT_EQ(crc32c(all), crc32c_portable(all));
}

TEST(Crc32c, ContinuesWhereItStopped) {
  const auto all = bytes_of("a checksum over two pieces");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

}  // namespace
}  // namespace supermachine
