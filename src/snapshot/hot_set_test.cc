// SPDX-License-Identifier: Apache-2.0
#include "snapshot/hot_set.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "result_matchers.h"
#include "sample_metadata.h"

namespace supermachine::snapshot {
namespace {

constexpr std::uint64_t kPages = 256;

HotSet sample() {
  return {.snapshot = sample_id(),
          .read = {{.first = 1, .count = 2}, {.first = 9, .count = 1}},
          .written = {{.first = 3, .count = 6}, {.first = 255, .count = 1}}};
}

void seal(std::vector<std::byte>& bytes) {
  const auto all = std::span(bytes);
  store_le(all, all.size() - 4, crc32c(all.first(all.size() - 4)));
}

TEST(HotSet, ComesBackAsItWas) {
  for (const HotSet& before : {sample(), HotSet()}) {
    const auto after = decode_hot_set(encode_hot_set(before), kPages);
    ASSERT_THAT(after, IsOk());
    EXPECT_EQ(after.value(), before);
  }
}

TEST(HotSet, RefusesEveryTruncationAndEveryChangedByte) {
  const auto bytes = encode_hot_set(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    ASSERT_THAT(decode_hot_set(cut, kPages), Fails(Errc::kCorrupt)) << at;
    if (at >= 4) {
      seal(cut);
      ASSERT_THAT(decode_hot_set(cut, kPages), Fails(Errc::kCorrupt)) << at;
    }
    auto changed = bytes;
    changed[at] ^= std::byte{4};
    ASSERT_THAT(decode_hot_set(changed, kPages), Fails(Errc::kCorrupt)) << at;
  }
}

TEST(HotSet, RefusesANewerVersionAsUnsupported) {
  auto bytes = encode_hot_set(sample());
  store_le(std::span(bytes), 8, std::uint32_t{2});
  seal(bytes);
  EXPECT_THAT(decode_hot_set(bytes, kPages), Fails(Errc::kUnsupported));
}

TEST(HotSet, RefusesPagesThatCannotBe) {
  const auto refused = [](std::vector<PageRun> read, std::vector<PageRun> written) {
    const auto bytes = encode_hot_set(
        {.snapshot = sample_id(), .read = std::move(read), .written = std::move(written)});
    return decode_hot_set(bytes, kPages);
  };
  EXPECT_THAT(refused({{256, 1}}, {}), Fails(Errc::kCorrupt)) << "beyond the memory";
  EXPECT_THAT(refused({}, {{0, 257}}), Fails(Errc::kCorrupt));
  EXPECT_THAT(refused({{0, 0}}, {}), Fails(Errc::kCorrupt));
  EXPECT_THAT(refused({{5, 1}, {4, 1}}, {}), Fails(Errc::kCorrupt));
  EXPECT_THAT(refused({{1, 5}, {20, 1}}, {{5, 1}}), Fails(Errc::kCorrupt)) << "in both";
  EXPECT_THAT(refused({{20, 5}}, {{1, 1}, {24, 3}}), Fails(Errc::kCorrupt)) << "in both";
  EXPECT_THAT(refused({{20, 5}}, {{1, 19}, {25, 3}}), IsOk());
}

}  // namespace
}  // namespace supermachine::snapshot
