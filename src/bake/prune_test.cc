// SPDX-License-Identifier: Apache-2.0
#include "bake/prune.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "bake/rootfs_files.h"
#include "base/files.h"
#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine::bake {
namespace {

namespace fs = std::filesystem;

class PruneTest : public ::testing::Test {
 protected:
  PruneTest() {
    EXPECT_THAT(make_directories(rootfs_directory(dir_.path())), IsOk());
    OciImage::write(path_, "squashfs");
  }
  Result<registry::PruneReport> prune(const RootfsKeys& needed) const {
    const SharedLock alone = SM_TRY(registry::ImageStore(dir_.path()).use_alone(deadline_in({})));
    return prune_images(dir_.path(), alone, needed);
  }

  TempDir dir_ = TempDir::create().value();
  const std::string path_ = rootfs_directory(dir_.path()) + "/key" + kRootfsSuffix;
};

TEST_F(PruneTest, RemovesNoRootFileSystemThatSomebodyHolds) {
  const auto none = []() -> Result<std::vector<std::string>> { return std::vector<std::string>(); };
  {
    SM_ASSERT_OK_AND_ASSIGN(const RootfsHold one, RootfsHold::take(path_, deadline_in({})));
    SM_ASSERT_OK_AND_ASSIGN(const RootfsHold other, RootfsHold::take(path_, deadline_in({})));
    EXPECT_EQ(prune(none).value().files, 0U);
  }
  EXPECT_EQ(prune(none).value().files, 1U);
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_THAT(RootfsHold::take(path_, deadline_in({})), Fails(Errc::kNotFound));
}

TEST_F(PruneTest, AsksWhatIsNeededWhenNobodyCanTakeHoldAnyMore) {
  int asked = 0;
  const auto needed = [&]() -> Result<std::vector<std::string>> {
    ++asked;
    EXPECT_THAT(RootfsHold::take(path_, deadline_in({})), Fails(Errc::kTimeout));
    return std::vector<std::string>{"key"};
  };
  EXPECT_EQ(prune(needed).value().files, 0U);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(fs::exists(path_));
  EXPECT_THAT(RootfsHold::take(path_, deadline_in({})), IsOk());
}

TEST_F(PruneTest, TellsWhoWaitedThatItIsGone) {
  std::optional<Result<RootfsHold>> late;
  std::thread waiting;
  const auto none = [&]() -> Result<std::vector<std::string>> {
    waiting =
        std::thread([&] { late = RootfsHold::take(path_, deadline_in(std::chrono::seconds(10))); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::vector<std::string>();
  };
  EXPECT_EQ(prune(none).value().files, 1U);
  waiting.join();
  EXPECT_THAT(*late, Fails(Errc::kNotFound));
}

}  // namespace
}  // namespace supermachine::bake
