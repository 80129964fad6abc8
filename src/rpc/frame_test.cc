// SPDX-License-Identifier: Apache-2.0
#include "rpc/frame.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/endian.h"
#include "golden.h"
#include "result_matchers.h"

namespace supermachine::rpc {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

const std::vector<std::byte> kHi = encode_frame(FrameType::kStdout, bytes_of("hi\n"));

TEST(Frame, WireBytesAreStable) { expect_matches_golden(kHi, "rpc/stdout_v1.bin"); }

TEST(Frame, ReadsWhatOldBuildsWrote) {
  const auto bytes = read_golden("rpc/stdout_v1.bin");
  SM_ASSERT_OK_AND_ASSIGN(const DecodedFrame got, decode_frame(bytes));
  EXPECT_EQ(got.frame.type, FrameType::kStdout);
  EXPECT_EQ(got.frame.text(), "hi\n");
  EXPECT_EQ(got.consumed, bytes.size());
}

TEST(Frame, AsksForMoreUntilTheFrameIsWhole) {
  for (std::size_t n = 0; n < kHi.size(); ++n) {
    SM_ASSERT_OK_AND_ASSIGN(const DecodedFrame got, decode_frame(std::span(kHi).first(n)));
    EXPECT_EQ(got.consumed, 0U) << "prefix of " << n;
    EXPECT_GT(got.needed, n);
    EXPECT_LE(got.needed, kHi.size());
  }
}

TEST(Frame, RejectsAWrongMagic) {
  auto bytes = kHi;
  bytes[0] = std::byte{0};
  EXPECT_THAT(decode_frame(bytes), Fails(Errc::kCorrupt));
}

TEST(Frame, RejectsAnUnknownType) {
  auto bytes = kHi;
  store_le<std::uint16_t>(bytes, 2, 60);
  EXPECT_THAT(decode_frame(bytes), Fails(Errc::kCorrupt));
}

TEST(Frame, RejectsALengthBeyondTheLimitBeforeItsBytesCome) {
  auto bytes = kHi;
  store_le<std::uint32_t>(bytes, 4, kMaxData + 1);
  EXPECT_THAT(decode_frame(bytes), Fails(Errc::kCorrupt));
}

TEST(Frame, OnlyAnExecMayBeLongerThanData) {
  auto bytes = encode_frame(FrameType::kExec, {});
  store_le<std::uint32_t>(bytes, 4, kMaxPayload);
  EXPECT_THAT(decode_frame(bytes), IsOk());
  store_le<std::uint32_t>(bytes, 4, kMaxPayload + 1);
  EXPECT_THAT(decode_frame(bytes), Fails(Errc::kCorrupt));
}

// Feeds `stream` in pieces of `piece` bytes and returns the text of each frame that comes out.
std::vector<std::string> read_in_pieces(std::span<const std::byte> stream, std::size_t piece) {
  FrameReader reader;
  std::vector<std::string> out;
  while (!stream.empty()) {
    const auto room = reader.room();
    const std::size_t count = std::min({piece, stream.size(), room.size()});
    std::memcpy(room.data(), stream.data(), count);
    reader.filled(count);
    stream = stream.subspan(count);
    for (;;) {
      const auto frame = reader.next().value();
      if (!frame) break;
      out.emplace_back(frame->text());
    }
  }
  EXPECT_FALSE(reader.mid_frame());
  return out;
}

TEST(FrameReader, FindsTheSameFramesHoweverTheStreamIsCut) {
  const std::vector<std::string> texts{"a", "", std::string(kMaxData, 'x'), "last"};
  std::vector<std::byte> stream;
  for (const std::string& text : texts) {
    const auto frame = encode_frame(FrameType::kStdout, bytes_of(text));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const std::size_t piece : {1UL, 2UL, 7UL, 4096UL, 65536UL, stream.size()}) {
    EXPECT_EQ(read_in_pieces(stream, piece), texts) << "pieces of " << piece;
  }
}

TEST(FrameReader, StaysSmallForSmallFrames) {
  FrameReader reader;
  EXPECT_LE(reader.room().size(), 4096U);
}

TEST(FrameReader, IsSmallAgainAfterALargeFrame) {
  const auto large = encode_frame(FrameType::kStdout, bytes_of(std::string(kMaxData, 'x')));
  FrameReader reader;
  for (std::span<const std::byte> rest = large; !rest.empty();) {
    EXPECT_FALSE(reader.next().value());
    const auto room = reader.room();
    const std::size_t count = std::min(rest.size(), room.size());
    std::memcpy(room.data(), rest.data(), count);
    reader.filled(count);
    rest = rest.subspan(count);
    reader.shrink();  // holds bytes: changes nothing
  }
  EXPECT_TRUE(reader.next().value());
  EXPECT_GT(reader.room().size(), 4096U);
  reader.shrink();
  EXPECT_LE(reader.room().size(), 4096U);
}

TEST(FrameReader, FailsOnNonsense) {
  FrameReader reader;
  const auto room = reader.room();
  std::ranges::fill(room.first(kFrameHeaderSize), std::byte{0xff});
  reader.filled(kFrameHeaderSize);
  EXPECT_THAT(reader.next(), Fails(Errc::kCorrupt));
}

}  // namespace
}  // namespace supermachine::rpc
