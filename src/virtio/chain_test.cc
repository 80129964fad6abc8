// SPDX-License-Identifier: Apache-2.0
#include "virtio/chain.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace supermachine::virtio {
namespace {

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // chars may alias
}

class ChainTest : public ::testing::Test {
 protected:
  std::string storage_ = "abcdefgh";
  std::span<std::byte> all_ = std::as_writable_bytes(std::span(storage_));
  std::vector<std::span<std::byte>> segments_{all_.first(3), all_.subspan(3, 1), all_.subspan(4)};
  std::vector<std::span<const std::byte>> readable_{segments_.begin(), segments_.end()};
};

TEST_F(ChainTest, CopiesOutAcrossSegments) {
  std::array<std::byte, 4> out{};
  EXPECT_EQ(copy_from(readable_, 2, out), 4U);
  EXPECT_EQ(text(out), "cdef");
}

TEST_F(ChainTest, CopyOutStopsAtTheEnd) {
  std::array<std::byte, 4> out{};
  EXPECT_EQ(copy_from(readable_, 6, out), 2U);
  EXPECT_EQ(copy_from(readable_, 8, out), 0U);
  EXPECT_EQ(copy_from(readable_, ~std::uint64_t{0}, out), 0U);
}

TEST_F(ChainTest, CopiesInAcrossSegmentsAndStopsAtTheEnd) {
  const std::string bytes = "12345678";
  EXPECT_EQ(copy_to(segments_, 2, std::as_bytes(std::span(bytes))), 6U);
  EXPECT_EQ(storage_, "ab123456");
}

TEST_F(ChainTest, RangeCoversExactlyWhatWasAsked) {
  std::vector<std::span<std::byte>> out;
  append_range<std::byte>(segments_, 1, 4, out);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(text(out[0]) + text(out[1]) + text(out[2]), "bcde");
}

TEST_F(ChainTest, RangePastTheEndIsCutShort) {
  std::vector<std::span<std::byte>> out;
  append_range<std::byte>(segments_, 5, ~std::uint64_t{0}, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(text(out[0]), "fgh");
}

}  // namespace
}  // namespace supermachine::virtio
