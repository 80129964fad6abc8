// SPDX-License-Identifier: Apache-2.0
// Images of registries, imported; and what a prune leaves of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "bake/import.h"
#include "base/files.h"
#include "fake_registry.h"
#include "prune_cache.h"
#include "result_matchers.h"

namespace supermachine::bake {
namespace {

namespace fs = std::filesystem;

OciImage image_of(const std::string& name) {
  return OciImage::of({OciImage::gzipped(TarWriter().file(name, std::string(5000, 'x')))});
}

class RegistryImportTest : public ::testing::Test {
 protected:
  Result<ImportedImage> import(const std::string& reference, ProgressCallback progress = {}) {
    ImportOptions how;
    how.cache_dir = cache();
    how.progress = std::move(progress);
    how.pull.environment = {.certs_dirs = {}};
    return import_image(reference, how);
  }
  [[nodiscard]] std::string cache() const { return dir_.path() + "/cache"; }
  [[nodiscard]] std::string only_layer() const {
    const registry::ImageStore store(cache());
    const auto stored = store.list().value().front();
    return store.blob_path(store.open(stored).value().layers[0].digest);
  }
  Result<registry::PruneReport> prune(const std::vector<std::string>& pinned = {}) const {
    return prune_cache(cache(), pinned);
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(RegistryImportTest, PullsUnpacksAndAsksNobodyAgain) {
  FakeRegistry registry(image_of("a"));
  std::vector<Stage> stages;
  const auto note = [&](const Progress& progress) {
    if (progress.finished) stages.push_back(progress.stage);
  };

  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(registry.reference(), note));
  const std::size_t asked = registry.server().requests().size();
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage second, import(registry.reference()));

  EXPECT_EQ(stages,
            (std::vector{Stage::kResolve, Stage::kDownload, Stage::kUnpack, Stage::kRootfs}));
  EXPECT_FALSE(first.was_cached);
  EXPECT_TRUE(second.was_cached);
  EXPECT_EQ(second.rootfs_path, first.rootfs_path);
  EXPECT_EQ(second.name, registry.reference());
  EXPECT_EQ(registry.server().requests().size(), asked);
}

TEST_F(RegistryImportTest, WorksOnACacheThatCannotBeWritten) {
  FakeRegistry registry(image_of("a"));
  ASSERT_THAT(import(registry.reference()), IsOk());
  fs::remove(cache() + "/images/lock");
  fs::create_directory(cache() + "/images/lock");  // nothing can be locked now

  EXPECT_THAT(import(registry.reference()), IsOk());
}

TEST_F(RegistryImportTest, FetchesALayerAgainThatWasDamaged) {
  FakeRegistry registry(image_of("a"));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(registry.reference()));
  fs::remove(first.rootfs_path);
  std::string bytes = read_file(only_layer(), 1 << 20).value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  OciImage::write(only_layer(), bytes);

  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage again, import(registry.reference()));

  EXPECT_EQ(again.rootfs_path, first.rootfs_path);
  EXPECT_TRUE(fs::exists(again.rootfs_path));
}

// The first to find out drops the layer; for the others it is then gone, or whole again.
TEST_F(RegistryImportTest, FetchesADamagedLayerAgainForManyAtOnce) {
  const OciImage::Layer layer =
      OciImage::plain(TarWriter().file("a", std::string(std::size_t{24} << 20, 'x')));
  FakeRegistry registry(OciImage::of({layer}));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(registry.reference()));
  for (std::size_t round = 0; round < 2; ++round) {
    fs::remove(first.rootfs_path);
    std::string bytes = layer.blob;
    bytes.front() = 'b';  // of another name than its header's checksum says
    OciImage::write(only_layer(), bytes);
    std::vector<std::string> errors(6);
    {
      std::vector<std::jthread> importers;
      for (std::string& error : errors) {
        importers.emplace_back([&] {
          const auto imported = import(registry.reference());
          if (!imported.ok()) error = imported.error().message();
        });
      }
    }

    EXPECT_THAT(errors, ::testing::Each(""));
    EXPECT_EQ(registry.server().count("/blobs/" + OciImage::digest(layer.blob)), 2U + round);
    EXPECT_TRUE(read_file(only_layer(), 32 << 20).value() == layer.blob);
  }
}

TEST_F(RegistryImportTest, TriesAgainWhenAnotherHasMendedTheLayer) {
  FakeRegistry registry(image_of("a"));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(registry.reference()));
  fs::remove(first.rootfs_path);
  const std::string path = only_layer();
  fs::copy_file(path, path + ".whole");
  std::string bytes = read_file(path, 1 << 20).value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  OciImage::write(path, bytes);
  const auto mend = [&](const Progress& progress) {
    if (progress.stage != Stage::kUnpack || !fs::exists(path + ".whole")) return;
    // Slow enough to be told again when the damaged layer is being read.
    if (progress.done == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (progress.done != 0) fs::rename(path + ".whole", path);
  };

  EXPECT_THAT(import(registry.reference(), mend), IsOk());
  EXPECT_FALSE(fs::exists(path + ".whole"));
}

TEST_F(RegistryImportTest, RefusesALayerThatIsNoneHoweverOftenItIsFetched) {
  OciImage::Layer wrong = OciImage::gzipped(TarWriter().file("a"));
  wrong.diff_id = OciImage::digest("other");
  FakeRegistry registry(OciImage::of({wrong}));

  EXPECT_THAT(import(registry.reference()), Fails(Errc::kCorrupt));
  EXPECT_EQ(registry.server().count("/blobs/" + OciImage::digest(wrong.blob)), 1U);
}

TEST_F(RegistryImportTest, IsPrunedWhenNoReferenceAndNobodyElseWantsIt) {
  FakeRegistry one(image_of("a"));
  FakeRegistry other(image_of("b"));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage kept, import(one.reference()));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage gone, import(other.reference()));
  EXPECT_EQ(prune().value().files, 0U);
  const auto reference = oci::RegistryReference::parse(other.reference()).value();
  EXPECT_TRUE(registry::ImageStore(cache()).remove(reference).value());

  EXPECT_EQ(prune({gone.chain_key}).value().files, 3U);  // but not the root file system
  EXPECT_TRUE(fs::exists(gone.rootfs_path));
  EXPECT_EQ(prune().value().files, 1U);

  EXPECT_FALSE(fs::exists(gone.rootfs_path));
  EXPECT_TRUE(fs::exists(kept.rootfs_path));
  EXPECT_TRUE(import(one.reference()).value().was_cached);
}

}  // namespace
}  // namespace supermachine::bake
