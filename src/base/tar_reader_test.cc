// SPDX-License-Identifier: Apache-2.0
#include "base/tar_reader.h"

#include <gtest/gtest.h>

#include "result_matchers.h"
#include "tar_writer.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Member {
  TarEntry entry;
  std::string data;
};

Result<std::vector<Member>> read_all(std::string_view archive, TarLimits limits = {}) {
  MemorySource source(bytes_of(archive));
  TarReader tar(source, limits);
  std::vector<Member> members;
  while (auto entry = SM_TRY(tar.next())) {
    Member member{*std::move(entry), {}};
    std::array<char, 100> buffer{};
    while (const std::size_t got = SM_TRY(tar.read(std::as_writable_bytes(std::span(buffer))))) {
      member.data.append(buffer.data(), got);
    }
    members.push_back(std::move(member));
  }
  return members;
}

TEST(TarReader, ReadsEveryKindOfMember) {
  TarWriter tar;
  tar.directory("d/", 01777)
      .file("d/f", "hello", 04755)
      .symlink("d/s", "/etc/passwd")
      .hard_link("d/h", "d/f")
      .add({.name = "c", .type = '3', .mode = 0666, .major = 1, .minor = 3})
      .add({.name = "b", .type = '4', .major = 8, .minor = 17})
      .add({.name = "p", .type = '6', .uid = 1000, .gid = 1001, .mtime = 12});

  SM_ASSERT_OK_AND_ASSIGN(const auto members, read_all(tar.finish()));

  ASSERT_EQ(members.size(), 7U);
  EXPECT_EQ(members[0].entry.type, TarEntry::Type::kDirectory);
  EXPECT_EQ(members[0].entry.mode, 01777U);
  EXPECT_EQ(members[1].entry.type, TarEntry::Type::kFile);
  EXPECT_EQ(members[1].entry.path, "d/f");
  EXPECT_EQ(members[1].entry.mode, 04755U);
  EXPECT_EQ(members[1].data, "hello");
  EXPECT_EQ(members[1].entry.data_offset, 1024U);
  EXPECT_EQ(members[2].entry.type, TarEntry::Type::kSymlink);
  EXPECT_EQ(members[2].entry.link_target, "/etc/passwd");
  EXPECT_EQ(members[3].entry.type, TarEntry::Type::kHardLink);
  EXPECT_EQ(members[3].entry.link_target, "d/f");
  EXPECT_EQ(members[4].entry.type, TarEntry::Type::kCharacterDevice);
  EXPECT_EQ(members[4].entry.device_minor, 3U);
  EXPECT_EQ(members[5].entry.type, TarEntry::Type::kBlockDevice);
  EXPECT_EQ(members[5].entry.device_major, 8U);
  EXPECT_EQ(members[6].entry.type, TarEntry::Type::kFifo);
  EXPECT_EQ(members[6].entry.uid, 1000U);
  EXPECT_EQ(members[6].entry.gid, 1001U);
  EXPECT_EQ(members[6].entry.mtime, 12);
}

TEST(TarReader, TakesLongNamesNumbersAndAttributesFromPax) {
  const std::string path(300, 'p');
  TarWriter tar;
  std::string records;
  tar.pax("path", path).file("short", "x");
  tar.pax("linkpath", path).symlink("s", "short");
  tar.pax("uid", "4000000000").file("owned");
  tar.pax("mtime", "1700000000.987").file("fraction");
  tar.pax("SCHILY.xattr.security.capability", std::string_view("\x01\0\n=", 4)).file("caps");

  SM_ASSERT_OK_AND_ASSIGN(const auto members, read_all(tar.finish()));

  ASSERT_EQ(members.size(), 5U);
  EXPECT_EQ(members[0].entry.path, path);
  EXPECT_EQ(members[1].entry.link_target, path);
  EXPECT_EQ(members[2].entry.uid, 4'000'000'000U);
  EXPECT_EQ(members[3].entry.mtime, 1'700'000'000);
  EXPECT_EQ(members[4].entry.xattrs.at("security.capability"), std::string("\x01\0\n=", 4));
  EXPECT_TRUE(members[3].entry.xattrs.empty());
}

TEST(TarReader, TakesLongNamesFromGnuHeaders) {
  const std::string path(200, 'g');
  TarWriter tar;
  tar.add({.name = "././@LongLink", .type = 'L'}, path + '\0').file("short", "x");
  tar.add({.name = "././@LongLink", .type = 'K'}, path + '\0').symlink("s", "short");

  SM_ASSERT_OK_AND_ASSIGN(const auto members, read_all(tar.finish()));

  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].entry.path, path);
  EXPECT_EQ(members[1].entry.link_target, path);
}

TEST(TarReader, KeepsNamesThatAreNotUtf8) {
  TarWriter tar;
  tar.file("caf\xe9");
  tar.pax("path", "cafe\xcc\x81").file("x");

  SM_ASSERT_OK_AND_ASSIGN(const auto members, read_all(tar.finish()));

  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].entry.path, "caf\xe9");
  EXPECT_EQ(members[1].entry.path, "cafe\xcc\x81");
}

TEST(TarReader, IgnoresTheSizeOfMembersWithoutData) {
  TarWriter tar;
  tar.file("f", "x").add_with_size({.name = "h", .type = '1', .link = "f"}, 5, {}).file("g");

  SM_ASSERT_OK_AND_ASSIGN(const auto members, read_all(tar.finish()));

  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[1].entry.size, 0U);
  EXPECT_EQ(members[2].entry.path, "g");
}

TEST(TarReader, CallsEveryCutTruncated) {
  TarWriter writer;
  writer.directory("d/").file("d/f", std::string(700, 'x'));
  writer.pax("path", std::string(200, 'q')).file("q", "data");
  const std::string whole = writer.finish();
  const std::size_t first_end_block = whole.size() - 1024;

  for (std::size_t length = 0; length < first_end_block + 512; ++length) {
    const auto members = read_all(std::string_view(whole).substr(0, length));
    ASSERT_THAT(members, Fails(Errc::kCorrupt)) << length;
    ASSERT_EQ(members.error().message(), "archive is truncated") << length;
  }
  EXPECT_THAT(read_all(whole), IsOk());
}

TEST(TarReader, MayEndWithoutMarkerWhereADigestTellsCuts) {
  TarWriter tar;
  tar.file("f", "x");

  EXPECT_THAT(read_all(tar.unfinished(), {.needs_end_marker = false}), IsOk());
  EXPECT_THAT(read_all("", {.needs_end_marker = false}), IsOk());
  EXPECT_THAT(read_all(tar.unfinished()), Fails(Errc::kCorrupt));
  EXPECT_THAT(
      read_all(std::string_view(tar.unfinished()).substr(0, 600), {.needs_end_marker = false}),
      Fails(Errc::kCorrupt));
}

TEST(TarReader, RefusesAHeaderWithAWrongChecksum) {
  std::string archive = TarWriter().file("f", "x").finish();
  archive[0] = 'g';

  EXPECT_THAT(read_all(archive), Fails(Errc::kCorrupt));
}

TEST(TarReader, RefusesNumbersThatAreNone) {
  TarWriter good;
  good.file("f");
  for (const std::size_t offset : {100U, 108U, 116U, 124U, 136U}) {
    std::array<char, 512> header{};
    std::memcpy(header.data(), good.unfinished().data(), header.size());
    header[offset] = 'z';

    EXPECT_THAT(read_all(TarWriter().raw_header(header).finish()), Fails(Errc::kCorrupt)) << offset;
  }
}

TEST(TarReader, RefusesSizesBeyondWhatAFileCanHave) {
  TarWriter good;
  good.file("f");
  std::array<char, 512> header{};
  std::memcpy(header.data(), good.unfinished().data(), header.size());
  std::memset(header.data() + 124, 0xff, 12);  // base-256: -1

  EXPECT_THAT(read_all(TarWriter().raw_header(header).finish()), Fails(Errc::kCorrupt));
  EXPECT_THAT(read_all(TarWriter().pax("size", "18446744073709551615").file("f").finish()),
              Fails(Errc::kCorrupt));
  EXPECT_THAT(read_all(TarWriter().pax("size", "-1").file("f").finish()), Fails(Errc::kCorrupt));
}

TEST(TarReader, RefusesMalformedPaxRecords) {
  for (const std::string_view record : {"", "x", "5", "99 a=b\n", "6 a=b\0", "7 =abc\n", "6 abcd\n",
                                        "0 a=b\n", "-6 a=b\n", "6 a=b"}) {
    TarWriter tar;
    tar.add({.name = "x", .type = 'x'}, record).file("f");
    if (record.empty()) {
      EXPECT_THAT(read_all(tar.finish()), IsOk());
    } else {
      EXPECT_THAT(read_all(tar.finish()), Fails(Errc::kCorrupt)) << record;
    }
  }
}

TEST(TarReader, RefusesNamesThatAreTooLongEmptyOrHoldNul) {
  EXPECT_THAT(read_all(TarWriter().pax("path", std::string(5000, 'a')).file("f").finish()),
              Fails(Errc::kCorrupt));
  EXPECT_THAT(read_all(TarWriter().pax("path", std::string_view("a\0b", 3)).file("f").finish()),
              Fails(Errc::kCorrupt));
  EXPECT_THAT(read_all(TarWriter().file("").finish()), Fails(Errc::kCorrupt));
}

TEST(TarReader, RefusesALongExtendedHeaderBeforeReadingIt) {
  TarWriter tar;
  tar.add_with_size({.name = "x", .type = 'x'}, std::uint64_t{1} << 32U, {});

  const auto members = read_all(tar.finish());

  ASSERT_THAT(members, Fails(Errc::kCorrupt));
  EXPECT_THAT(members.error().message(), HasSubstr("too long"));
}

TEST(TarReader, RefusesSparseAndUnknownMembersByName) {
  const auto sparse = read_all(TarWriter().add({.name = "holes", .type = 'S'}).finish());
  const auto pax = read_all(TarWriter().pax("GNU.sparse.major", "1").file("holes").finish());
  const auto unknown = read_all(TarWriter().add({.name = "odd", .type = 'Z'}).finish());

  ASSERT_THAT(sparse, Fails(Errc::kUnsupported));
  EXPECT_THAT(sparse.error().message(), HasSubstr("holes"));
  EXPECT_THAT(pax, Fails(Errc::kUnsupported));
  ASSERT_THAT(unknown, Fails(Errc::kUnsupported));
  EXPECT_THAT(unknown.error().message(), HasSubstr("odd"));
}

}  // namespace
}  // namespace supermachine
