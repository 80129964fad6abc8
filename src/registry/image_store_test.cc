// SPDX-License-Identifier: Apache-2.0
#include "registry/image_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "oci_image.h"
#include "registry/http_client.h"
#include "result_matchers.h"

namespace supermachine::registry {
namespace {

namespace fs = std::filesystem;

class ImageStoreTest : public ::testing::Test {
 protected:
  ImageStoreTest() { SM_CHECK(store_.make_places().ok()); }

  // Puts an image of one layer there.
  StoredImage add(const std::string& reference, const std::string& content) {
    const OciImage image = OciImage::of({OciImage::plain(TarWriter().file(content))});
    for (const auto& [name, bytes] : image.files) {
      if (name.starts_with("blobs/")) {
        SM_CHECK(store_.put_blob(bytes, oci::Sha256::of(bytes)).ok());
      }
    }
    const oci::Descriptor manifest = oci::parse_index(image.files.at("index.json")).value().front();
    StoredImage stored{parse(reference),
                       {},
                       manifest.digest,
                       manifest,
                       std::chrono::system_clock::from_time_t(1'700'000'000)};
    SM_CHECK(store_.record(stored).ok());
    return stored;
  }
  static oci::RegistryReference parse(const std::string& text) {
    return oci::RegistryReference::parse(text).value();
  }
  static Deadline soon() { return deadline_in(std::chrono::seconds(5)); }
  PruneReport prune() {
    const SharedLock alone = store_.use_alone(soon()).value();
    return store_.prune(alone).value();
  }

  TempDir dir_ = TempDir::create().value();
  ImageStore store_{dir_.path()};
};

TEST_F(ImageStoreTest, KnowsWhatWasPutThere) {
  const StoredImage put = add("nginx:1", "a");
  add("ghcr.io/a/b", "b");

  SM_ASSERT_OK_AND_ASSIGN(const auto found, store_.resolve(parse("docker.io/library/nginx:1"), {}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->manifest.digest, put.manifest.digest);
  EXPECT_EQ(found->pulled_at, put.pulled_at);
  EXPECT_FALSE(store_.resolve(parse("nginx:2"), {}).value().has_value());
  EXPECT_FALSE(store_.resolve(parse("nginx:1"), {"linux", "arm64", ""}).value().has_value());
  SM_ASSERT_OK_AND_ASSIGN(const oci::Image image, store_.open(*found));
  EXPECT_EQ(image.layers.size(), 1U);
  EXPECT_EQ(image.name, "nginx:1");
  SM_ASSERT_OK_AND_ASSIGN(const auto all, store_.list());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].reference.familiar(), "ghcr.io/a/b:latest");
  EXPECT_EQ(store_.size_of(*found).value(), put.manifest.size + image.layers[0].size);
}

TEST_F(ImageStoreTest, TakesWhatIsDamagedForAbsent) {
  const StoredImage stored = add("nginx:1", "a");
  OciImage::write(store_.blob_path(stored.manifest.digest), "{}");
  EXPECT_FALSE(store_.resolve(parse("nginx:1"), {}).value().has_value());

  add("nginx:1", "a");
  EXPECT_TRUE(store_.resolve(parse("nginx:1"), {}).value().has_value());
  for (const auto& entry : fs::directory_iterator(dir_.path() + "/images/references")) {
    OciImage::write(entry.path().string(), "{\"version\": 1");
  }
  EXPECT_FALSE(store_.resolve(parse("nginx:1"), {}).value().has_value());
  EXPECT_TRUE(store_.list().value().empty());
  EXPECT_GT(prune().files, 0U);
}

TEST_F(ImageStoreTest, PrunesWhatNoReferenceLeadsTo) {
  add("nginx:1", "a");
  add("nginx:2", "b");
  OciImage::write(dir_.path() + "/images/partial/x", "12345");
  OciImage::write(dir_.path() + "/images/blobs/sha256/x.Ab12cd", "left");
  EXPECT_EQ(prune().files, 2U);

  SM_ASSERT_OK_AND_ASSIGN(const bool removed, store_.remove(parse("nginx:1")));
  EXPECT_TRUE(removed);
  EXPECT_FALSE(store_.remove(parse("nginx:1")).value());
  const PruneReport report = prune();

  EXPECT_EQ(report.files, 3U);
  EXPECT_GT(report.bytes, 1024U);
  SM_ASSERT_OK_AND_ASSIGN(const auto kept, store_.resolve(parse("nginx:2"), {}));
  ASSERT_TRUE(kept.has_value());
  EXPECT_TRUE(store_.has_blob(store_.open(*kept).value().layers[0].digest,
                              store_.open(*kept).value().layers[0].size));
}

TEST_F(ImageStoreTest, IsNotPrunedWhileItIsUsed) {
  SM_ASSERT_OK_AND_ASSIGN(const SharedLock in_use, store_.use(deadline_in({})));
  EXPECT_THAT(store_.use_alone(deadline_in({})), Fails(Errc::kTimeout));
}

TEST_F(ImageStoreTest, DropsLayersThatAreNotWhatTheyShouldBe) {
  const oci::Image image = store_.open(add("nginx:1", "a")).value();
  ASSERT_THAT(store_.drop_damaged(image, soon(), {}), IsOk());
  EXPECT_TRUE(store_.has_blob(image.layers[0].digest, image.layers[0].size));
  std::string bytes = read_file(store_.blob_path(image.layers[0].digest), 1 << 20).value();
  bytes[0] = 'x';
  OciImage::write(store_.blob_path(image.layers[0].digest), bytes);

  ASSERT_THAT(store_.drop_damaged(image, soon(), {}), IsOk());
  EXPECT_FALSE(store_.has_blob(image.layers[0].digest, image.layers[0].size));
}

// By whoever brings or drops it.
TEST_F(ImageStoreTest, DropsNoLayerThatAnotherHasLocked) {
  const oci::Image image = store_.open(add("nginx:1", "a")).value();
  const oci::Digest& layer = image.layers[0].digest;
  OciImage::write(store_.blob_path(layer), "damaged");
  {
    SM_ASSERT_OK_AND_ASSIGN(const FileLock other, store_.lock_blob(layer, deadline_in({}), {}));
    EXPECT_THAT(store_.drop_damaged(image, deadline_in({}), {}), Fails(Errc::kTimeout));
    const Status cancelled = store_.drop_damaged(image, soon(), [] { return true; });
    ASSERT_FALSE(cancelled.ok());
    EXPECT_TRUE(is_cancelled(cancelled.error()));
    EXPECT_TRUE(store_.has_blob(layer, 7));
  }

  EXPECT_THAT(store_.drop_damaged(image, soon(), {}), IsOk());
  EXPECT_FALSE(store_.has_blob(layer, 7));
  EXPECT_THAT(store_.drop_damaged(image, soon(), {}), IsOk());  // it is gone
  EXPECT_TRUE(fs::is_empty(dir_.path() + "/images/partial"));
}

TEST_F(ImageStoreTest, DropsALayerForManyAtOnce) {
  const oci::Image image = store_.open(add("nginx:1", "a")).value();
  for (int round = 0; round < 20; ++round) {
    OciImage::write(store_.blob_path(image.layers[0].digest), std::string(1 << 20, 'x'));
    std::atomic<int> failed = 0;
    {
      std::vector<std::jthread> droppers;
      for (int i = 0; i < 4; ++i) {
        droppers.emplace_back(
            [&] { failed += store_.drop_damaged(image, soon(), {}).ok() ? 0 : 1; });
      }
    }
    EXPECT_EQ(failed, 0);
  }
}

TEST(StoredImageRecord, GoesThereAndBackAndIsNothingWhenCut) {
  StoredImage stored;
  stored.reference = oci::RegistryReference::parse("h.io:5/a/b:1").value();
  stored.digest = oci::Sha256::of("index");
  stored.manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
  stored.manifest.digest = oci::Sha256::of("manifest");
  stored.manifest.size = 42;
  stored.pulled_at = std::chrono::system_clock::from_time_t(1'700'000'000);
  const std::string text = format_record(stored);

  SM_ASSERT_OK_AND_ASSIGN(const StoredImage again, parse_record(text));

  EXPECT_EQ(format_record(again), text);
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    EXPECT_FALSE(parse_record(text.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace supermachine::registry
