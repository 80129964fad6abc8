// SPDX-License-Identifier: Apache-2.0
// What tests of snapshots and pools share: a place for snapshots, one of busybox that is made once.
#pragma once

#include <optional>
#include <string>

#include "base/files.h"
#include "guest.h"
#include "supermachine/snapshot.h"

namespace supermachine {

// A directory of the test's own, in memory where the lab is used.
class SnapshotDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::create();
    ASSERT_THAT(dir, IsOk());
    dir_.emplace(std::move(dir).value());
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return dir_->path() + "/" + name;
  }

  std::optional<TempDir> dir_;
};

// The program's only snapshot of an idle busybox with 128 MiB and one vCPU.
Result<Image> busybox_snapshot();
// Where it is.
std::string busybox_snapshot_dir();

// A snapshot for the tests of a suite; each of them sees it as it was made.
class BusyboxSnapshotTest : public SnapshotDirTest {
 protected:
  void SetUp() override {
    SnapshotDirTest::SetUp();
    auto made = busybox_snapshot();
    ASSERT_THAT(made, IsOk());
    image_.emplace(std::move(made).value());
  }

  [[nodiscard]] const Image& image() const { return *image_; }

 private:
  std::optional<Image> image_;
};

// Whether the full number of rounds is wanted (SM_TEST_SOAK=1) where the usual one is smaller.
bool is_soak();

}  // namespace supermachine
