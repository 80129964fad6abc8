// SPDX-License-Identifier: Apache-2.0
#include "rootfs/initramfs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "base/files.h"
#include "base/sys.h"
#include "golden.h"
#include "result_matchers.h"

namespace supermachine::rootfs {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Initramfs, MatchesGoldenBytes) {
  const InitramfsFile files[] = {{"/init", 0755, bytes_of("#!agent")},
                                 {"/usr/lib/x", 0644, bytes_of("four")}};

  SM_ASSERT_OK_AND_ASSIGN(const auto archive, make_initramfs(files));

  expect_matches_golden(archive, "initramfs/two-files.cpio");
}

TEST(Initramfs, IsReadByCpio) {
  const InitramfsFile files[] = {{"/init", 0755, bytes_of("abc")},
                                 {"/sbin/tool", 0700, bytes_of("")}};
  SM_ASSERT_OK_AND_ASSIGN(const auto archive, make_initramfs(files));
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  {
    SM_ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::create(dir.path() + "/a.cpio"));
    ASSERT_THAT(write_all(file.fd(), archive), IsOk());
    ASSERT_THAT(file.commit(), IsOk());
  }

  const std::string command = "cpio -itv --numeric-uid-gid --quiet < " + dir.path() + "/a.cpio > " +
                              dir.path() + "/list 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);

  SM_ASSERT_OK_AND_ASSIGN(const std::string list, read_file(dir.path() + "/list", 4096));
  EXPECT_THAT(list, HasSubstr("-rwxr-xr-x"));
  EXPECT_THAT(list, HasSubstr(" init\n"));
  EXPECT_THAT(list, HasSubstr("-rwx------"));
  EXPECT_THAT(list, HasSubstr(" sbin/tool\n"));
  EXPECT_THAT(list, HasSubstr("crw-------"));
  EXPECT_THAT(list, HasSubstr("5,   1"));
  EXPECT_THAT(list, HasSubstr(" dev/console\n"));
  EXPECT_THAT(list, HasSubstr("drwxr-xr-x"));
}

TEST(Initramfs, NeedsNoFiles) {
  SM_ASSERT_OK_AND_ASSIGN(const auto archive, make_initramfs({}));

  EXPECT_EQ(archive.size() % 4, 0U);
  EXPECT_GT(archive.size(), 3U * 110U);
}

TEST(Initramfs, RefusesPathsThatAreNotPlain) {
  for (const char* path : {"", "/", "//init", "a//b", "../x", "a/../b", "./a", "a/", "/dev/.."}) {
    const InitramfsFile files[] = {{path, 0644, {}}};
    EXPECT_THAT(make_initramfs(files), Fails(Errc::kInvalidArgument)) << path;
  }
}

TEST(Initramfs, RefusesTheSamePathTwice) {
  const InitramfsFile files[] = {{"/init", 0755, {}}, {"init", 0755, {}}};

  EXPECT_THAT(make_initramfs(files), Fails(Errc::kInvalidArgument));
}

TEST(Initramfs, RefusesAFileThatIsAlsoADirectory) {
  const InitramfsFile file_first[] = {{"/a", 0644, {}}, {"/a/b", 0644, {}}};
  const InitramfsFile directory_first[] = {{"/a/b", 0644, {}}, {"/a", 0644, {}}};

  EXPECT_THAT(make_initramfs(file_first), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(make_initramfs(directory_first), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::rootfs
