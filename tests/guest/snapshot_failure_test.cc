// SPDX-License-Identifier: Apache-2.0
// Captures that come to nothing, and snapshots that are not whole: what was there before stays, and
// what is there now is refused or right.
#include <sys/mount.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "owner.h"
#include "snapshot_guest.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class SnapshotFailure : public BusyboxSnapshotTest {};

TEST_F(SnapshotFailure, KilledCaptureLeavesTheOldOneOrNone) {
  // From the line that says "capturing" on. In the lab a capture takes some hundred milliseconds.
  for (const auto moment : {0ms, 3ms, 10ms, 30ms, 60ms, 100ms, 150ms, 200ms, 300ms, 500ms}) {
    SCOPED_TRACE(std::to_string(moment.count()) + " ms");
    const std::string target = path("target");
    std::size_t before = 0;  // lines in the guest of the snapshot that is there
    if (fs::exists(target)) {
      SM_ASSERT_OK_AND_ASSIGN(const Image old, Image::from_snapshot(target));
      SM_ASSERT_OK_AND_ASSIGN(const Vm vm, old.start());
      before = std::stoul(sh_output(vm, "wc -l < /root/lines"));
    }
    SM_ASSERT_OK_AND_ASSIGN(
        OwnerProcess owner,
        OwnerProcess::start(SM_SNAPSHOT_OWNER, {busybox_snapshot_dir(), target}, dir_->path()));
    ASSERT_EQ(owner.next_words(), "capturing\n");
    std::this_thread::sleep_for(moment);
    ASSERT_TRUE(WIFSIGNALED(owner.kill()));

    if (!fs::exists(target)) {
      EXPECT_EQ(before, 0U) << "the old one is gone";
      continue;
    }
    EXPECT_THAT(verify_snapshot(target), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const Image left, Image::from_snapshot(target));
    SM_ASSERT_OK_AND_ASSIGN(const Vm vm, left.start());
    EXPECT_EQ(sh_output(vm, "[ $(wc -l < /root/lines) -ge 1 ] && wc -c < /tmp/x"), "2000000");
  }
  // Whoever captures to the same place next removes what the killed ones left beside it.
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  ASSERT_THAT(vm.snapshot(path("target")), IsOk());
  EXPECT_THAT(entries_of(dir_->path()), ::testing::ElementsAre("target"));
}

// A small file system of its own, for which the test has to be root, as it is in the lab.
class FullDisk : public SnapshotFailure {
 protected:
  void SetUp() override {
    SnapshotFailure::SetUp();
    fs::create_directory(path("disk"));
    mounted_ = ::mount("tmpfs", path("disk").c_str(), "tmpfs", 0, "size=44m") == 0;
    ASSERT_TRUE(mounted_) << "this test needs to be root, as it is in the lab";
  }
  void TearDown() override {
    if (mounted_) ::umount2(path("disk").c_str(), MNT_DETACH);
  }

 private:
  bool mounted_ = false;
};

TEST_F(FullDisk, LeavesTheOldSnapshotAndTheSource) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  sh_output(vm, "echo small > /root/size");
  ASSERT_THAT(vm.snapshot(path("disk/one")), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo old, inspect_snapshot(path("disk/one")));
  sh_output(vm, "echo large > /root/size; yes large | head -c 40000000 > /tmp/large");

  for (const char* target : {"disk/one", "disk/two"}) {
    EXPECT_THAT(vm.snapshot(path(target)), FailsSaying(Errc::kOs, "No space left on device"));
    EXPECT_EQ(sh_output(vm, "cat /root/size"), "large") << "the source goes on";
  }

  EXPECT_THAT(entries_of(path("disk")), ::testing::ElementsAre("one"));
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo now, inspect_snapshot(path("disk/one")));
  EXPECT_EQ(now.id, old.id);
  EXPECT_THAT(verify_snapshot(path("disk/one")), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Image left, Image::from_snapshot(path("disk/one")));
  SM_ASSERT_OK_AND_ASSIGN(const Vm copy, left.start());
  EXPECT_EQ(sh_output(copy, "cat /root/size"), "small");
  EXPECT_THAT(vm.snapshot(path("elsewhere")), IsOk()) << "where there is room it works";
}

// What is published is what was rehearsed: a copy that cannot start replaces nothing.
TEST_F(SnapshotFailure, CopyThatDoesNotStartIsNotPublished) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  ASSERT_THAT(vm.snapshot(path("target")), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo old, inspect_snapshot(path("target")));
  sh_output(vm,
            "mkdir -p /etc/supermachine; cd /etc/supermachine; "
            "printf '#!/bin/sh\\necho never >&2\\nexit 1\\n' > on-restored; "
            "chmod 755 on-restored");

  EXPECT_FALSE(vm.snapshot(path("target")).ok());
  EXPECT_FALSE(vm.snapshot(path("new")).ok());

  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo now, inspect_snapshot(path("target")));
  EXPECT_EQ(now.id, old.id);
  EXPECT_FALSE(fs::exists(path("new")));
  EXPECT_EQ(sh_output(vm, "echo on"), "on");
}

// A copy of the snapshot, to be damaged.
class DamagedSnapshot : public SnapshotFailure {
 protected:
  void SetUp() override {
    SnapshotFailure::SetUp();
    fs::copy(busybox_snapshot_dir(), path("copy"), fs::copy_options::recursive);
    ASSERT_THAT(Image::from_snapshot(path("copy")), IsOk());
  }

  void flip_byte(const std::string& name, std::uint64_t at) {
    std::fstream file(path("copy/" + name), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 4));
    ASSERT_TRUE(file.good());
  }
};

TEST_F(DamagedSnapshot, IsRefusedWhereverItsStateIsCutShort) {
  const auto whole = fs::file_size(path("copy/restore.snap"));
  for (std::uint64_t part = 0; part < 16; ++part) {
    fs::resize_file(path("copy/restore.snap"), whole * part / 16);
    const auto opened = Image::from_snapshot(path("copy"));
    ASSERT_THAT(opened, Fails(Errc::kCorrupt)) << part;
    EXPECT_THAT(opened.error().message(), ::testing::HasSubstr("restore.snap"));
  }
}

TEST_F(DamagedSnapshot, IsRefusedForOneBitOfItsState) {
  const auto size = fs::file_size(path("copy/restore.snap"));
  for (std::uint64_t part = 0; part < 64; ++part) {
    const std::uint64_t at = size * part / 64;
    flip_byte("restore.snap", at);
    EXPECT_FALSE(Image::from_snapshot(path("copy")).ok()) << at;
    flip_byte("restore.snap", at);
  }
  EXPECT_THAT(Image::from_snapshot(path("copy")), IsOk()) << "all is as it was";
}

TEST_F(DamagedSnapshot, IsRefusedWithMemoryThatIsCutShort) {
  fs::resize_file(path("copy/memory.img"), fs::file_size(path("copy/memory.img")) / 2);
  EXPECT_THAT(Image::from_snapshot(path("copy")), FailsSaying(Errc::kCorrupt, "memory.img"));
}

TEST_F(DamagedSnapshot, DoesNotVerifyForOneBitOfItsMemory) {
  ASSERT_THAT(verify_snapshot(path("copy")), IsOk());
  flip_byte("memory.img", 0x1000000);
  EXPECT_THAT(verify_snapshot(path("copy")), FailsSaying(Errc::kCorrupt, "memory.img"));
}

TEST_F(DamagedSnapshot, NeedsItsRootFileSystem) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  ASSERT_THAT(vm.snapshot(path("own"), {.include_rootfs = true}), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo info, inspect_snapshot(path("own")));
  ASSERT_TRUE(info.rootfs_path.starts_with(path("own/"))) << info.rootfs_path;
  // It is all there, wherever it is.
  fs::rename(path("own"), path("moved"));
  {
    SM_ASSERT_OK_AND_ASSIGN(const Image moved, Image::from_snapshot(path("moved")));
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, moved.start());
    EXPECT_EQ(sh_output(copy, "ls /bin | wc -l"), sh_output(vm, "ls /bin | wc -l"));
  }
  fs::remove(path("moved") + info.rootfs_path.substr(path("own").size()));
  EXPECT_THAT(Image::from_snapshot(path("moved")),
              FailsSaying(Errc::kUnsupported, "its root file system"));
}

}  // namespace
}  // namespace supermachine
