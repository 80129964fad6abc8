// SPDX-License-Identifier: Apache-2.0
#include "snapshot/metadata.h"

#include <gtest/gtest.h>

#include "result_matchers.h"
#include "sample_metadata.h"

namespace supermachine::snapshot {
namespace {

using ::testing::HasSubstr;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

std::string why(const std::string& text) {
  const auto result = decode_metadata(text);
  return result.ok() ? "it is fine" : result.error().message();
}

TEST(Metadata, ComesBackAsItWas) {
  for (const SnapshotMetadata& before :
       {sample_metadata(), SnapshotMetadata{.vcpus = 1},
        SnapshotMetadata{.vcpus = 1, .image = {.stop_signal = "SIGQUIT"}}}) {
    const auto after = decode_metadata(encode_metadata(before));
    ASSERT_THAT(after, IsOk());
    EXPECT_EQ(after.value(), before);
  }
}

TEST(Metadata, IgnoresMembersOfLaterVersions) {
  const auto text =
      replaced(encode_metadata(sample_metadata()), "\"vcpus\"", "\"volumes\": [1], \"vcpus\"");
  const auto after = decode_metadata(text);
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after.value(), sample_metadata());
}

TEST(Metadata, RefusesAMemberThatIsNotWhatItMustBe) {
  const std::string text = encode_metadata(sample_metadata());
  EXPECT_EQ(why(replaced(text, "\"diff\"", "\"half\"")), "kind is neither full nor diff");
  EXPECT_EQ(why(replaced(text, "\"memory_mib\": 1", "\"memory_mib\": -1")),
            "memory_mib is no number");
  EXPECT_EQ(why(replaced(text, "\"vcpus\": 2", "\"vcpus\": 0")), "no such number of vcpus");
  EXPECT_EQ(why(replaced(text, "\"vcpus\": 2", "\"vcpus\": 4294967298")),
            "no such number of vcpus");
  EXPECT_EQ(why(replaced(text, "0d0e0f", "0d0e0g")), "id is not 32 hexadecimal digits");
  EXPECT_EQ(why(replaced(text, "0d0e0f", "0d0e0")), "id is not 32 hexadecimal digits");
  EXPECT_EQ(why(replaced(text, "\"created\": 17", "\"created\": \"17\", \"x\": 17")),
            "created is no number");
  EXPECT_EQ(why(replaced(text, "145", "4294967296")), "kvm_capabilities: no number");
  EXPECT_EQ(why(replaced(text, "../base", "")), "base has no path");
  EXPECT_EQ(why(replaced(text, "\"base\"", "\"bass\"")),
            "a diff has a base, and nothing else has one");
  EXPECT_EQ(why(replaced(text, "\"diff\"", "\"full\"")),
            "a diff has a base, and nothing else has one");
}

TEST(Metadata, RefusesARootThatIsNeitherAbsoluteNorInTheDirectory) {
  const std::string text = encode_metadata(sample_metadata());
  const std::string path = "/var/cache/rootfs.squashfs";
  for (const char* other : {"../fifo", "./rootfs.squashfs", "rootfs.squashfs2", "etc/passwd",
                            "/etc/passwd\\u0000", "rootfs.squashfs\\u0000"}) {
    EXPECT_EQ(why(replaced(text, path, other)),
              "rootfs.path is neither absolute nor rootfs.squashfs")
        << other;
  }
  for (const char* other : {"", "rootfs.squashfs", "/"})
    EXPECT_THAT(decode_metadata(replaced(text, path, other)), IsOk()) << other;
  EXPECT_EQ(why(replaced(text, "../base", "../base\\u0000")), "base has no such path");
}

TEST(Metadata, RefusesWhatIsNoObject) {
  EXPECT_EQ(why(""), "it is not valid JSON");
  EXPECT_EQ(why("17"), "it is not valid JSON");
  EXPECT_THAT(decode_metadata("[]"), Fails(Errc::kCorrupt));
  EXPECT_THAT(decode_metadata("{}"), Fails(Errc::kCorrupt));
}

TEST(Metadata, RefusesEveryTruncation) {
  const std::string text = encode_metadata(sample_metadata());
  for (std::size_t length = 0; length < text.size() - 2; ++length) {
    ASSERT_THAT(decode_metadata(text.substr(0, length)), Fails(Errc::kCorrupt)) << length;
  }
}

TEST(Metadata, RefusesANewerFormatAsUnsupported) {
  const auto newer = replaced(encode_metadata(sample_metadata()), "\"format_version\": 1",
                              "\"format_version\": 2");
  EXPECT_THAT(decode_metadata(newer), Fails(Errc::kUnsupported));
  EXPECT_THAT(why(newer), HasSubstr("format version 2 is newer than 1"));
}

TEST(SnapshotId, IsRandomAndReadsBack) {
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotId one, SnapshotId::random());
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotId other, SnapshotId::random());
  EXPECT_NE(one, other);
  EXPECT_EQ(SnapshotId::parse(one.hex()), one);
  EXPECT_EQ(SnapshotId::parse("ABCDEF0102030405060708090a0b0c0d"), std::nullopt);
}

}  // namespace
}  // namespace supermachine::snapshot
