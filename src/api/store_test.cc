// SPDX-License-Identifier: Apache-2.0
#include "supermachine/store.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "bake/rootfs_files.h"
#include "bake/store.h"
#include "base/files.h"
#include "oci_image.h"
#include "registry/image_store.h"
#include "result_matchers.h"
#include "sample_metadata.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class StoreApi : public ::testing::Test {
 protected:
  // Of an image as a pull leaves it; the name of its manifest's file.
  std::string add_pulled(const std::string& reference) {
    const OciImage image = OciImage::of({OciImage::plain(TarWriter().file(reference))});
    EXPECT_THAT(images_.make_places(), IsOk());
    for (const auto& [name, bytes] : image.files) {
      if (name.starts_with("blobs/")) {
        EXPECT_THAT(images_.put_blob(bytes, oci::Sha256::of(bytes)), IsOk());
      }
    }
    const oci::Descriptor manifest = oci::parse_index(image.files.at("index.json")).value().front();
    EXPECT_THAT(images_.record({oci::RegistryReference::parse(reference).value(),
                                {},
                                manifest.digest,
                                manifest,
                                std::chrono::system_clock::from_time_t(1'700'000'000)}),
                IsOk());
    return images_.blob_path(manifest.digest);
  }
  void add_bake(const std::string& name) {
    SnapshotMetadata metadata = sample_metadata();
    bake::BakeRecord record;
    record.key = "k";
    metadata.extra = bake::to_extra(record);
    fs::create_directories(bakes_.path_of(name));
    OciImage::write(bakes_.path_of(name) + "/metadata.json", snapshot::encode_metadata(metadata));
  }
  // Its path.
  [[nodiscard]] std::string add_rootfs(const std::string& key) const {
    const std::string directory = bake::rootfs_directory(places_.cache_dir);
    fs::create_directories(directory);
    std::string path = directory + "/" + key + bake::kRootfsSuffix;
    OciImage::write(path, "squashfs");
    return path;
  }
  [[nodiscard]] std::vector<std::string> bakes() const {
    std::vector<std::string> names;
    for (const BakeInfo& bake : list_bakes(places_).value()) names.push_back(bake.name);
    return names;
  }
  [[nodiscard]] std::vector<std::string> pulled() const {
    std::vector<std::string> names;
    const auto list = list_pulled(places_);
    EXPECT_THAT(list, IsOk());
    if (!list.ok()) return names;
    for (const PulledImage& image : list.value()) names.push_back(image.reference);
    return names;
  }

  TempDir dir_ = TempDir::create().value();
  const StorePlaces places_{.snapshots_dir = dir_.path() + "/bakes",
                            .cache_dir = dir_.path() + "/cache"};
  registry::ImageStore images_{places_.cache_dir};
  bake::Store bakes_{places_.snapshots_dir};
};

TEST_F(StoreApi, PassesOverAnImageThatIsDamaged) {
  add_pulled("a.io/one:1");
  const std::string manifest = add_pulled("a.io/two:1");
  add_pulled("a.io/three:1");
  EXPECT_THAT(pulled(), ElementsAre("a.io/one:1", "a.io/three:1", "a.io/two:1"));

  OciImage::write(manifest, "overwritten");

  EXPECT_THAT(pulled(), ElementsAre("a.io/one:1", "a.io/three:1"));
  EXPECT_THAT(remove_pulled("a.io/two:1", places_), IsOk());
}

TEST_F(StoreApi, PrunesAllButTheBakeThatSomebodyMakes) {
  for (const char* name : {"a", "b", "c"}) add_bake(name);
  SM_ASSERT_OK_AND_ASSIGN(const FileLock making, bakes_.lock("b", deadline_in({})));
  const auto begin = std::chrono::steady_clock::now();

  SM_ASSERT_OK_AND_ASSIGN(const PruneReport report,
                          prune({.unused_bakes = std::chrono::seconds(0)}, places_));

  EXPECT_THAT(report.bakes, ElementsAre("a", "c"));
  EXPECT_THAT(bakes(), ElementsAre("b"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(StoreApi, PrunesRootFileSystemsOnlyWhenAskedTo) {
  const std::string path = add_rootfs("unneeded");

  ASSERT_THAT(prune({}, places_), IsOk());
  EXPECT_TRUE(fs::exists(path));
  ASSERT_THAT(prune({.root_file_systems = true}, places_), IsOk());
  EXPECT_FALSE(fs::exists(path));
}

// A bake is in the store before it lets go of its root file system.
TEST_F(StoreApi, PrunesNoRootFileSystemThatABakeIsBeingMadeOf) {
  const std::string held = add_rootfs("held");
  const std::string needed = add_rootfs("rootfs");  // by the bake
  ASSERT_EQ(fs::path(sample_metadata().rootfs.path).stem(), "rootfs");
  add_bake("a");
  SM_ASSERT_OK_AND_ASSIGN(const auto hold, bake::RootfsHold::take(held, deadline_in({})));

  ASSERT_THAT(prune({.root_file_systems = true}, places_), IsOk());

  EXPECT_TRUE(fs::exists(held));
  EXPECT_TRUE(fs::exists(needed));
}

TEST_F(StoreApi, PrunesNothingThatIsMadeWhileItWaits) {
  std::optional<SharedLock> pulling(images_.use(deadline_in({})).value());
  std::optional<Result<PruneReport>> report;
  std::thread pruning([&] {
    report = prune({.unused_bakes = std::chrono::hours(1), .root_file_systems = true}, places_);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::string path = add_rootfs("rootfs");
  add_bake("a");
  pulling.reset();
  pruning.join();

  ASSERT_THAT(*report, IsOk());
  EXPECT_TRUE(fs::exists(path));
  EXPECT_THAT(bakes(), ElementsAre("a"));
}

TEST_F(StoreApi, PrunesWhatABakeThatWasKilledLeft) {
  add_bake("a");
  add_bake(".a.snapshot-Ab12cd");

  SM_ASSERT_OK_AND_ASSIGN(const PruneReport report, prune({}, places_));

  EXPECT_EQ(report.files, 1U);
  EXPECT_GT(report.bytes, 0U);
  EXPECT_FALSE(fs::exists(bakes_.path_of(".a.snapshot-Ab12cd")));
  EXPECT_THAT(bakes(), ElementsAre("a"));
}

}  // namespace
}  // namespace supermachine
