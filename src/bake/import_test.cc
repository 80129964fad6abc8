// SPDX-License-Identifier: Apache-2.0
#include "bake/import.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "oci_image.h"
#include "prune_cache.h"
#include "result_matchers.h"
#include "squashfs_listing.h"

namespace supermachine::bake {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ImportTest : public ::testing::Test {
 protected:
  Result<ImportedImage> import(const OciImage& image) {
    image.write_archive(archive());
    return import_image("oci-archive:" + archive(), options());
  }

  [[nodiscard]] ImportOptions options() const {
    ImportOptions options;
    options.cache_dir = dir_.path() + "/cache";
    return options;
  }
  [[nodiscard]] std::string archive() const { return dir_.path() + "/x.tar"; }

  // That of who imports it.
  static Result<FileLock> lock_of(const ImportedImage& imported) {
    std::string path = imported.rootfs_path;
    path.replace(path.rfind(".squashfs"), std::string::npos, ".lock");
    return FileLock::acquire(path, deadline_in({}));
  }

  [[nodiscard]] int files_in_cache() const {
    int count = 0;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(options().cache_dir, none)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  TempDir dir_ = TempDir::create().value();
};

OciImage three_layers() {
  TarWriter base;
  base.directory("etc/").file("etc/passwd", "root").file("etc/old").file("data/a").file("data/b");
  TarWriter middle;
  middle.file("etc/.wh.old").hard_link("etc/shadow", "etc/passwd");
  TarWriter top;
  top.file("data/.wh..wh..opq").file("data/c", "c");
  return OciImage::of({OciImage::gzipped(base), OciImage::plain(middle), OciImage::zstandard(top)});
}

TEST_F(ImportTest, MergesLayersOfAllCompressionsIntoOneImage) {
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage imported, import(three_layers()));

  SM_ASSERT_OK_AND_ASSIGN(auto files, SquashfsListing::read(imported.rootfs_path));
  EXPECT_EQ(files.size(), 6U);
  EXPECT_EQ(files["etc/passwd"].content, "root");
  EXPECT_EQ(files["etc/passwd"].inode, files["etc/shadow"].inode);
  EXPECT_EQ(files["data/c"].content, "c");
  EXPECT_FALSE(files.contains("etc/old"));
  EXPECT_FALSE(files.contains("data/a"));
  EXPECT_FALSE(imported.was_cached);
  EXPECT_EQ(imported.config.working_dir, "/srv");
  EXPECT_EQ(files_in_cache(), 1);  // no lock, no temporary
}

TEST_F(ImportTest, LooksAtNoLayerWhenTheCacheHasTheImage) {
  OciImage image = three_layers();
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(image));
  std::erase_if(image.files, [](const auto& file) {
    return file.first.starts_with("blobs/") && !file.second.starts_with("{");
  });

  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage second, import(image));

  EXPECT_TRUE(second.was_cached);
  EXPECT_EQ(second.rootfs_path, first.rootfs_path);
  EXPECT_EQ(second.config.env, first.config.env);
}

TEST_F(ImportTest, SharesTheRootOfImagesThatDifferInConfigurationOnly) {
  const std::vector<OciImage::Layer> layers{OciImage::plain(TarWriter().file("a"))};
  OciImage::Layer packed = OciImage::gzipped(TarWriter().file("a"));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(OciImage::of(layers)));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage second, import(OciImage::of({packed})));
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage other,
                          import(OciImage::of({OciImage::plain(TarWriter().file("b"))})));

  EXPECT_NE(first.digest, second.digest);
  EXPECT_EQ(first.rootfs_path, second.rootfs_path);
  EXPECT_NE(first.rootfs_path, other.rootfs_path);
}

TEST_F(ImportTest, TakesAnImageWithoutLayers) {
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage imported, import(OciImage::of({})));

  SM_ASSERT_OK_AND_ASSIGN(const auto files, SquashfsListing::read(imported.rootfs_path));
  EXPECT_EQ(files.size(), 1U);
}

TEST_F(ImportTest, LeavesNothingBehindWhenItFails) {
  OciImage::Layer wrong = OciImage::gzipped(TarWriter().file("a"));
  wrong.diff_id = OciImage::digest("other");

  const auto imported = import(OciImage::of({OciImage::plain(TarWriter().file("b")), wrong}));

  ASSERT_THAT(imported, Fails(Errc::kCorrupt));
  EXPECT_THAT(imported.error().message(), StartsWith(archive() + ": layer sha256:"));
  EXPECT_EQ(files_in_cache(), 0);
}

TEST_F(ImportTest, NamesTheLayerAndTheEntryItRefuses) {
  const OciImage::Layer layer = OciImage::plain(TarWriter().file("../../etc/passwd"));

  const auto imported = import(OciImage::of({layer}));

  ASSERT_THAT(imported, Fails(Errc::kCorrupt));
  EXPECT_THAT(imported.error().message(), HasSubstr(layer.diff_id.substr(0, 19)));
  EXPECT_THAT(imported.error().message(), HasSubstr("'../../etc/passwd'"));
  EXPECT_EQ(files_in_cache(), 0);
}

TEST_F(ImportTest, ClearsAwayWhatAKilledImportLeft) {
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(three_layers()));
  std::filesystem::rename(first.rootfs_path, first.rootfs_path + ".Ab12cd");

  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage second, import(three_layers()));

  EXPECT_FALSE(second.was_cached);
  EXPECT_EQ(files_in_cache(), 1);
}

TEST_F(ImportTest, LeavesToPruneWhatNobodyImportsAgain) {
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage imported, import(three_layers()));
  const std::string left = imported.rootfs_path + ".Ab12cd";
  OciImage::write(left, "half of it");
  const auto prune = [&] { return prune_cache(options().cache_dir, {imported.chain_key}); };
  {
    SM_ASSERT_OK_AND_ASSIGN(const FileLock importing, lock_of(imported));
    ASSERT_THAT(prune(), IsOk());
    EXPECT_TRUE(std::filesystem::exists(left));
  }

  SM_ASSERT_OK_AND_ASSIGN(const auto report, prune());

  EXPECT_EQ(report.files, 1U);
  EXPECT_EQ(report.bytes, 10U);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(imported.rootfs_path));
}

TEST_F(ImportTest, IsDoneOnceWhenManyAskAtTheSameTime) {
  three_layers().write_archive(archive());
  std::atomic<int> built = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> importers;
    for (int i = 0; i < 8; ++i) {
      importers.emplace_back([&] {
        const auto imported = import_image("oci-archive:" + archive(), options());
        failed += imported.ok() ? 0 : 1;
        built += imported.ok() && !imported.value().was_cached ? 1 : 0;
      });
    }
  }

  EXPECT_EQ(failed, 0);
  EXPECT_EQ(built, 1);
  EXPECT_EQ(files_in_cache(), 1);
}

TEST_F(ImportTest, ReportsWhatItIsDoing) {
  three_layers().write_archive(archive());
  ImportOptions with_progress = options();
  std::vector<Progress> ends;
  with_progress.progress = [&](const Progress& progress) {
    if (progress.finished) ends.push_back(progress);
  };

  ASSERT_THAT(import_image("oci-archive:" + archive(), with_progress), IsOk());
  ASSERT_THAT(import_image("oci-archive:" + archive(), with_progress), IsOk());

  ASSERT_EQ(ends.size(), 4U);  // of the first only
  EXPECT_EQ(ends[1].stage, Stage::kUnpack);
  EXPECT_THAT(ends[1].item, StartsWith("layer sha256:"));
  EXPECT_EQ(ends[1].done, ends[1].total);
  EXPECT_GT(ends[1].total, 0U);
  EXPECT_EQ(ends[3].stage, Stage::kRootfs);
}

TEST_F(ImportTest, SaysThatItWaitsForAnother) {
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first, import(three_layers()));
  std::filesystem::remove(first.rootfs_path);
  SM_ASSERT_OK_AND_ASSIGN(FileLock lock, lock_of(first));
  std::optional<FileLock> other(std::move(lock));
  ImportOptions with_progress = options();
  std::vector<Progress> ends;
  with_progress.progress = [&](const Progress& progress) {
    if (progress.note == "waiting for another process") other.reset();  // it is done
    if (progress.finished) ends.push_back(progress);
  };

  EXPECT_THAT(import_image("oci-archive:" + archive(), with_progress), IsOk());

  ASSERT_EQ(ends.size(), 5U);
  EXPECT_EQ(ends[0].stage, Stage::kRootfs);
  EXPECT_EQ(ends[0].note, "waiting for another process");
}

TEST_F(ImportTest, GivesUpWaitingForAnotherAtItsDeadline) {
  three_layers().write_archive(archive());
  SM_ASSERT_OK_AND_ASSIGN(const ImportedImage first,
                          import_image("oci-archive:" + archive(), options()));
  std::filesystem::remove(first.rootfs_path);
  SM_ASSERT_OK_AND_ASSIGN(const FileLock lock, lock_of(first));
  ImportOptions impatient = options();
  impatient.deadline = deadline_in(std::chrono::milliseconds(30));

  EXPECT_THAT(import_image("oci-archive:" + archive(), impatient), Fails(Errc::kTimeout));
}

}  // namespace
}  // namespace supermachine::bake
