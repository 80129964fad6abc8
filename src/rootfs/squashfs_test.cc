// SPDX-License-Identifier: Apache-2.0
#include "rootfs/squashfs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <random>

#include "result_matchers.h"
#include "squashfs_listing.h"
#include "tar_writer.h"

namespace supermachine::rootfs {
namespace {

using ::testing::HasSubstr;

class SquashfsTest : public ::testing::Test {
 protected:
  Result<std::string> write(const TarWriter& layer, const std::string& name = "out.squashfs") {
    Spool spool = SM_TRY(Spool::create(dir_.path()));
    LayerTree tree(Limits{}, spool);
    const std::string tar = layer.finish();
    MemorySource source(std::as_bytes(std::span(tar)));
    SM_TRY(tree.apply(source));
    SM_TRY(spool.flush());
    const std::string path = dir_.path() + "/" + name;
    AtomicFile out = SM_TRY(AtomicFile::create(path));
    SM_TRY(write_squashfs(tree, spool, out));
    SM_TRY(out.commit());
    return path;
  }

  Result<std::map<std::string, ListedFile>> listing_of(const TarWriter& layer) {
    return SquashfsListing::read(SM_TRY(write(layer)));
  }

  TempDir dir_ = TempDir::create().value();
};

std::string noise(std::size_t size) {
  std::minstd_rand random(1);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TarWriter one_of_each() {
  TarWriter tar;
  tar.directory("./", 0711)
      .add({.name = "etc/", .type = '5', .mode = 01777, .uid = 0, .gid = 4, .mtime = 77})
      .add({.name = "etc/passwd", .mode = 0640, .uid = 1000, .gid = 42, .mtime = 123}, "root\n")
      .hard_link("etc/shadow", "etc/passwd")
      .symlink("etc/link", "../somewhere/else")
      .hard_link("link2", "etc/link")
      .add({.name = "dev/null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
      .add({.name = "dev/sda", .type = '4', .mode = 0660, .gid = 6, .major = 8, .minor = 17})
      .add({.name = "run/fifo", .type = '6', .mode = 0600})
      .file("empty")
      .pax("SCHILY.xattr.security.capability", std::string_view("\1\0\0\2", 4))
      .pax("SCHILY.xattr.user.x", "y")
      .file("bin/ping", "elf", 0755)
      .pax("SCHILY.xattr.user.dir", "d")
      .directory("bin/");
  return tar;
}

TEST_F(SquashfsTest, KeepsWhatTheTreeHolds) {
  SM_ASSERT_OK_AND_ASSIGN(auto files, listing_of(one_of_each()));

  ASSERT_EQ(files.size(), 14U);
  EXPECT_EQ(files[""].mode, S_IFDIR | 0711U);
  EXPECT_EQ(files["etc"].mode, S_IFDIR | 01777U);
  EXPECT_EQ(files["etc"].gid, 4U);
  EXPECT_EQ(files["etc"].mtime, 77U);
  EXPECT_EQ(files["etc/passwd"].mode, S_IFREG | 0640U);
  EXPECT_EQ(files["etc/passwd"].uid, 1000U);
  EXPECT_EQ(files["etc/passwd"].gid, 42U);
  EXPECT_EQ(files["etc/passwd"].mtime, 123U);
  EXPECT_EQ(files["etc/passwd"].content, "root\n");
  EXPECT_EQ(files["etc/link"].content, "../somewhere/else");
  EXPECT_EQ(files["dev/null"].mode, S_IFCHR | 0666U);
  EXPECT_EQ(files["dev/null"].device, 0x0103U);
  EXPECT_EQ(files["dev/sda"].mode, S_IFBLK | 0660U);
  EXPECT_EQ(files["dev/sda"].device, 0x0811U);
  EXPECT_EQ(files["run/fifo"].mode, S_IFIFO | 0600U);
  EXPECT_EQ(files["empty"].content, "");
  EXPECT_EQ(files["bin/ping"].xattrs.size(), 2U);
  EXPECT_EQ(files["bin/ping"].xattrs["security.capability"], std::string("\1\0\0\2", 4));
  EXPECT_EQ(files["bin/ping"].xattrs["user.x"], "y");
  EXPECT_EQ(files["bin"].xattrs["user.dir"], "d");
}

// As the kernel's new_decode_dev: the upper bits of the minor number lie above the major.
TEST_F(SquashfsTest, SplitsLargeDeviceNumbers) {
  SM_ASSERT_OK_AND_ASSIGN(
      auto files,
      listing_of(TarWriter().add({.name = "d", .type = '4', .major = 259, .minor = 0x12345})));

  EXPECT_EQ(files["d"].device, 0x12310345U);
}

TEST_F(SquashfsTest, CountsLinks) {
  SM_ASSERT_OK_AND_ASSIGN(auto files, listing_of(one_of_each()));

  EXPECT_EQ(files["etc/passwd"].inode, files["etc/shadow"].inode);
  EXPECT_EQ(files["etc/passwd"].links, 2U);
  EXPECT_EQ(files["etc/link"].inode, files["link2"].inode);
  EXPECT_EQ(files["etc/link"].links, 2U);
  EXPECT_EQ(files["empty"].links, 1U);
  EXPECT_EQ(files[""].links, 6U);  // itself twice, and bin, dev, etc, run
}

TEST_F(SquashfsTest, KeepsContentsOfAllSizes) {
  TarWriter tar;
  std::map<std::string, std::string> expected;
  constexpr std::size_t kBlock = 128 * 1024;
  for (const std::size_t size : {std::size_t{1}, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock + 5}) {
    expected["noise" + std::to_string(size)] = noise(size);
    expected["zeros" + std::to_string(size)] = std::string(size, '\0');
    expected["twin" + std::to_string(size)] = noise(size);
  }
  for (const auto& [name, content] : expected) tar.file(name, content);

  SM_ASSERT_OK_AND_ASSIGN(auto files, listing_of(tar));

  for (const auto& [name, content] : expected) {
    EXPECT_TRUE(files[name].content == content) << name;
  }
}

TEST_F(SquashfsTest, GivesTheSameBytesForTheSameTree) {
  TarWriter tar = one_of_each();
  for (int i = 0; i < 200; ++i)
    tar.file("n" + std::to_string(i), noise(5000 + 997U * static_cast<unsigned>(i)));

  SM_ASSERT_OK_AND_ASSIGN(const std::string first, write(tar, "1"));
  SM_ASSERT_OK_AND_ASSIGN(const std::string second, write(tar, "2"));

  SM_ASSERT_OK_AND_ASSIGN(const std::string first_bytes, read_file(first, 1U << 28U));
  SM_ASSERT_OK_AND_ASSIGN(const std::string second_bytes, read_file(second, 1U << 28U));
  EXPECT_TRUE(first_bytes == second_bytes);
  EXPECT_EQ(first_bytes.size() % 4096, 0U);
}

TEST_F(SquashfsTest, HoldsDirectoriesOfManyFiles) {
  TarWriter tar;
  for (int i = 0; i < 3000; ++i) tar.file("d/" + std::to_string(i), std::to_string(i));

  SM_ASSERT_OK_AND_ASSIGN(auto files, listing_of(tar));

  EXPECT_EQ(files.size(), 3002U);
  EXPECT_EQ(files["d/2999"].content, "2999");
}

std::string with_single_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

TEST_F(SquashfsTest, IsReadAlikeByUnsquashfs) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string path, write(one_of_each()));

  const std::string command = "TZ=UTC unsquashfs -lln " + path + " > " + path + ".list 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << "needs Debian's squashfs-tools";

  SM_ASSERT_OK_AND_ASSIGN(const std::string raw_list, read_file(path + ".list", 65536));
  const std::string list = with_single_spaces(raw_list);
  EXPECT_THAT(list, HasSubstr("drwx--x--x 0/0 "));
  EXPECT_THAT(list, HasSubstr("-rw-r----- 1000/42 5 1970-01-01 00:02 squashfs-root/etc/shadow\n"));
  EXPECT_THAT(list, HasSubstr("squashfs-root/etc/link -> ../somewhere/else\n"));
  EXPECT_THAT(list, HasSubstr("crw-rw-rw- 0/0 1, 3 "));
  EXPECT_THAT(list, HasSubstr("brw-rw---- 0/6 8, 17 "));
  EXPECT_THAT(list, HasSubstr("prw------- 0/0 0 "));
}

TEST_F(SquashfsTest, WritesAnEmptyRoot) {
  SM_ASSERT_OK_AND_ASSIGN(auto files, listing_of(TarWriter()));

  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[""].mode, S_IFDIR | 0755U);
}

}  // namespace
}  // namespace supermachine::rootfs
