// SPDX-License-Identifier: Apache-2.0
#include "bake/import.h"

#include <fmt/format.h>

#include <filesystem>

#include "bake/patience.h"
#include "bake/rootfs_files.h"
#include "base/directory.h"
#include "base/files.h"
#include "base/progress_report.h"
#include "rootfs/spool.h"
#include "rootfs/squashfs.h"

namespace supermachine::bake {
namespace {

// Raise it when the same layers would give another file.
constexpr int kRootfsVersion = 1;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// What a process that was killed left half-written. We hold the lock, so nobody is writing now.
void remove_leftovers(const std::string& directory, const std::string& file_name) {
  const auto paths = list_directory(directory);
  if (!paths.ok()) return;  // a later one removes them
  std::error_code ignored;
  for (const std::filesystem::path& path : paths.value()) {
    if (path.filename().string().starts_with(file_name + "."))
      std::filesystem::remove(path, ignored);
  }
}

// Counts what is read of the blobs of an image.
class CountedBlobs final : public oci::BlobSource {
 public:
  CountedBlobs(std::shared_ptr<const oci::BlobSource> blobs, ProgressReport::Step& step)
      : blobs_(std::move(blobs)), step_(step) {}
  Result<std::optional<oci::Blob>> open(std::string_view name) const override {
    auto blob = SM_TRY(blobs_->open(name));
    if (!blob) return blob;
    step_.set_total(blob->size);
    blob->bytes = std::make_unique<CountedSource>(std::move(blob->bytes), step_);
    return blob;
  }

 private:
  class CountedSource final : public ByteSource {
   public:
    CountedSource(std::unique_ptr<ByteSource> bytes, ProgressReport::Step& step)
        : bytes_(std::move(bytes)), step_(step) {}
    Result<std::size_t> read(std::span<std::byte> out) override {
      const std::size_t got = SM_TRY(bytes_->read(out));
      step_.add(got);
      return got;
    }

   private:
    std::unique_ptr<ByteSource> bytes_;
    ProgressReport::Step& step_;  // not owned; outlives us
  };

  std::shared_ptr<const oci::BlobSource> blobs_;
  ProgressReport::Step& step_;  // not owned; outlives us
};

Status apply_layer(const oci::Image& image, const oci::Layer& layer, const oci::LayerLimits& limits,
                   ProgressReport& progress, rootfs::LayerTree& tree) {
  auto step = progress.begin(Stage::kUnpack, layer.text(), layer.size);
  oci::Image counted = image;
  counted.blobs = std::make_shared<CountedBlobs>(image.blobs, step);
  const auto bytes = SM_TRY(oci::open_layer(counted, layer, limits));
  SM_TRY(tree.apply(*bytes));
  step.finish();
  return {};
}

Status build_rootfs(const oci::Image& image, const ImportOptions& options, ProgressReport& progress,
                    const std::string& directory, const std::string& path) {
  rootfs::Spool spool = SM_TRY(rootfs::Spool::create(directory));
  rootfs::LayerTree tree(options.limits, spool);
  for (const oci::Layer& layer : image.layers) {
    Status applied = apply_layer(image, layer, options.layer_limits, progress, tree);
    if (!applied.ok()) return std::move(applied).error().with(layer.text());
  }
  SM_TRY(spool.flush());
  auto step = progress.begin(Stage::kRootfs, {}, spool.size());
  AtomicFile out = SM_TRY(AtomicFile::create(path));
  Status written =
      rootfs::write_squashfs(tree, spool, out, [&](std::uint64_t bytes) { step.add(bytes); });
  if (!written.ok()) return std::move(written).error().with(path);
  SM_TRY(out.commit());
  step.finish();
  return {};
}

// The root file system of `image`, found or built.
Result<ImportedImage> import(const oci::Image& image, const std::string& name,
                             const ImportOptions& options, ProgressReport& progress) {
  ImportedImage imported;
  imported.config = image.config;
  imported.name = image.name;
  imported.digest = image.digest;
  imported.chain_key = rootfs_key(image.config.diff_ids);
  const std::string directory = rootfs_directory(options.cache_dir);
  const std::string file_name = imported.chain_key + kRootfsSuffix;
  imported.rootfs_path = directory + "/" + file_name;
  imported.was_cached = exists(imported.rootfs_path);
  if (imported.was_cached) return imported;

  SM_TRY(make_directories(directory));
  const FileLock lock =
      SM_TRY(acquire_in_sight([path = directory + "/" + imported.chain_key + kRootfsLockSuffix](
                                  Deadline deadline) { return FileLock::acquire(path, deadline); },
                              options.deadline, progress, Stage::kRootfs, {}));
  imported.was_cached = exists(imported.rootfs_path);  // by the one we waited for
  if (imported.was_cached) return imported;
  remove_leftovers(directory, file_name);
  Status built = build_rootfs(image, options, progress, directory, imported.rootfs_path);
  if (!built.ok()) return std::move(built).error().with(name);
  return imported;
}

Result<ImportedImage> import_from_registry(const oci::Reference& reference,
                                           const ImportOptions& options, ProgressReport& progress) {
  registry::PullOptions how = options.pull;
  how.cache_dir = options.cache_dir;
  how.platform = options.platform;
  how.policy = options.pull_policy;
  how.wants_layers = [&](const oci::Image& image) {
    return !exists(rootfs_directory(options.cache_dir) + "/" + rootfs_key(image.config.diff_ids) +
                   kRootfsSuffix);
  };
  for (bool again = false;; again = true) {
    const registry::Pulled pulled = SM_TRY(registry::pull(reference.registry, how, progress));
    auto imported = import(pulled.image, reference.path, options, progress);
    if (imported.ok() || again || imported.error().code() != Errc::kCorrupt) return imported;
    // Either the image is bad, or the disk damaged a layer since it was pulled; another import may
    // have noticed that before us and fetched it again, so that all are right by now.
    SM_TRY(registry::ImageStore(options.cache_dir)
               .drop_damaged(pulled.image, how.deadline, how.cancelled));
  }
}

}  // namespace

// The specification's ChainID, then our own version on top.
std::string rootfs_key(const std::vector<oci::Digest>& diff_ids) {
  std::string chain;
  for (const oci::Digest& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id.text()
                          : oci::Sha256::of(fmt::format("{} {}", chain, diff_id.text())).text();
  }
  return oci::Sha256::of(fmt::format("supermachine-rootfs {} {}", kRootfsVersion, chain)).hex();
}

Result<ImportedImage> import_image(std::string_view reference_text, const ImportOptions& options) {
  const oci::Reference reference = SM_TRY(oci::Reference::parse(reference_text));
  ProgressReport progress(options.progress);
  if (reference.kind == oci::Reference::Kind::kRegistry) {
    return import_from_registry(reference, options, progress);
  }
  const oci::Image image = SM_TRY(oci::open_image(reference, options.platform));
  return import(image, reference.path, options, progress);
}

}  // namespace supermachine::bake
