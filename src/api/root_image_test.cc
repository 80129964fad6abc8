// SPDX-License-Identifier: Apache-2.0
#include "api/root_image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "result_matchers.h"
#include "snapshot/limits.h"
#include "snapshot_directory.h"

namespace supermachine {
namespace {

constexpr std::size_t kBytes = 4096;
constexpr std::size_t kBytesUsedAt = 40;

// As far as anyone looks at it on the host.
std::string squashfs() {
  std::string text(kBytes, '\0');
  text.replace(0, 4, "hsqs");
  text[kBytesUsedAt + 1] = '\x10';  // 4096
  return text;
}

class RootImageTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  // What is said against the root file system of a snapshot in "s", as its metadata name it.
  std::string problem(const std::string& root_path, std::uint64_t size = kBytes) {
    auto writer = SnapshotWriter::create(path("s"), {.memory_mib = 1});
    EXPECT_THAT(writer, IsOk());
    EXPECT_THAT(
        writer.value().finish({.rootfs = {.path = root_path, .size_bytes = size}}, small_machine()),
        IsOk());
    if (set_up_) set_up_();
    const auto snapshot = Snapshot::open(path("s"));
    EXPECT_THAT(snapshot, IsOk());
    const Status checked = check_root_image(*snapshot.value());
    return checked.ok() ? "" : checked.error().message();
  }

  TempDir dir_ = fast_directory();
  std::function<void()> set_up_;  // of files beside those of the snapshot
};

TEST_F(RootImageTest, IsFineElsewhereAndInTheDirectory) {
  put_text(path("root"), squashfs());
  EXPECT_EQ(problem(path("root")), "");
  set_up_ = [&] { put_text(path("s/rootfs.squashfs"), squashfs()); };
  EXPECT_EQ(problem("rootfs.squashfs"), "");
  EXPECT_EQ(problem(""), "");
}

TEST_F(RootImageTest, FileOfTheHostIsNotShownToAGuest) {
  const auto bytes = std::filesystem::file_size("/etc/passwd");
  EXPECT_EQ(problem("/etc/passwd", bytes), "its root file system: /etc/passwd is no squashfs");
  put_text(path("root"), "hsqs");
  EXPECT_THAT(problem(path("root"), 4), ::testing::EndsWith("root is no squashfs"));
  put_text(path("root"), squashfs().substr(0, kBytes - 1));
  EXPECT_THAT(problem(path("root"), kBytes - 1), ::testing::EndsWith("root is no squashfs"));
}

TEST_F(RootImageTest, IsAnotherOneWhenItsSizeDiffers) {
  put_text(path("root"), squashfs());
  EXPECT_THAT(problem(path("root"), kBytes - 1), ::testing::EndsWith("root is another one now"));
}

TEST_F(RootImageTest, PipeIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(problem(path("pipe")), ::testing::EndsWith("pipe is no regular file"));
  set_up_ = [&] { EXPECT_EQ(::mkfifo(path("s/rootfs.squashfs").c_str(), 0600), 0); };
  EXPECT_THAT(problem("rootfs.squashfs"), ::testing::EndsWith("is no regular file"));
}

TEST_F(RootImageTest, SymlinkDoesNotLeadOutOfTheDirectory) {
  put_text(path("root"), squashfs());
  set_up_ = [&] { std::filesystem::create_symlink(path("root"), path("s/rootfs.squashfs")); };
  EXPECT_NE(problem("rootfs.squashfs"), "");
}

}  // namespace
}  // namespace supermachine
