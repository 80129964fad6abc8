// SPDX-License-Identifier: Apache-2.0
#include "oci/decompress.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine::oci {
namespace {

// Gives `bytes` a few at a time.
class SlowSource final : public ByteSource {
 public:
  SlowSource(std::string bytes, std::size_t at_once)
      : bytes_(std::move(bytes)), at_once_(at_once) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t count = std::min({out.size(), at_once_, bytes_.size() - given_});
    std::ranges::copy(std::as_bytes(std::span(bytes_)).subspan(given_, count), out.begin());
    given_ += count;
    return count;
  }

 private:
  std::string bytes_;
  std::size_t at_once_;
  std::size_t given_ = 0;
};

Result<std::string> unpacked(const std::string& bytes, std::size_t at_once = 4096,
                             std::size_t room = 4096) {
  auto source =
      SM_TRY(decompress(std::make_unique<SlowSource>(bytes, at_once), Compression::kNone));
  std::string out;
  std::string part(room, '\0');
  for (;;) {
    const std::size_t got = SM_TRY(source->read(std::as_writable_bytes(std::span(part))));
    if (got == 0) return out;
    out += part.substr(0, got);
  }
}

std::string varied(std::size_t size) {
  std::string out;
  for (unsigned i = 0; out.size() < size; i = i * 1103515245 + 12345) out += std::to_string(i);
  return out.substr(0, size);
}

TEST(Decompress, GivesTheSameHoweverTheBytesCome) {
  const std::string text = varied(300'000);
  for (const std::string& packed : {gzip(text), zstd(text), text}) {
    for (const auto& [at_once, room] :
         {std::pair(4096, 4096), std::pair(1, 4096), std::pair(100'000, 7)}) {
      SM_ASSERT_OK_AND_ASSIGN(
          const std::string got,
          unpacked(packed, static_cast<std::size_t>(at_once), static_cast<std::size_t>(room)));
      EXPECT_TRUE(got == text) << at_once << " " << room;
    }
  }
}

TEST(Decompress, ReadsMembersOneAfterTheOther) {
  EXPECT_EQ(unpacked(gzip("one ") + gzip("") + gzip("two")).value(), "one two");
  EXPECT_EQ(unpacked(gzip("one ") + gzip("two"), 1).value(), "one two");
  EXPECT_EQ(unpacked(zstd("one ") + zstd("two"), 1).value(), "one two");
}

TEST(Decompress, TakesAnEmptyMemberForNothing) {
  EXPECT_EQ(unpacked(gzip("")).value(), "");
  EXPECT_EQ(unpacked(zstd("")).value(), "");
}

TEST(Decompress, IgnoresPaddingAfterGzip) {
  EXPECT_EQ(unpacked(gzip("text") + std::string(5000, '\0')).value(), "text");
  EXPECT_EQ(unpacked(gzip("text") + std::string(5000, '\0'), 1).value(), "text");
}

TEST(Decompress, RefusesEveryTruncation) {
  for (const std::string& packed : {gzip(varied(2000)), zstd(varied(2000))}) {
    for (std::size_t size = 6; size < packed.size(); ++size) {
      EXPECT_THAT(unpacked(packed.substr(0, size)), Fails(Errc::kCorrupt)) << size;
    }
  }
}

TEST(Decompress, RefusesDamage) {
  std::string packed = gzip(varied(2000));
  for (std::size_t at = 10; at < packed.size(); ++at) {  // behind the header, whose fields may vary
    packed[at] = static_cast<char>(packed[at] ^ 0x55);
    EXPECT_THAT(unpacked(packed), Fails(Errc::kCorrupt)) << at;
    packed[at] = static_cast<char>(packed[at] ^ 0x55);
  }
}

TEST(Decompress, RefusesDamageInALaterMember) {
  std::string packed = gzip("one ") + gzip(varied(2000));
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  EXPECT_THAT(unpacked(packed), Fails(Errc::kCorrupt));
}

TEST(Decompress, NamesACompressionItDoesNotRead) {
  const auto result = unpacked("BZh91AY&SY");
  ASSERT_THAT(result, Fails(Errc::kUnsupported));
  EXPECT_NE(result.error().message().find("bzip2"), std::string::npos);
}

}  // namespace
}  // namespace supermachine::oci
