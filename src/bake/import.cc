#include "bake/import.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/files.h"
#include "rootfs/spool.h"
#include "rootfs/squashfs.h"

namespace supermachine::bake {
namespace {

// Raise it when the same layers would give another file.
constexpr int kRootfsVersion = 1;

// The specification's ChainID, then our own version on top.
std::string chain_key(const std::vector<oci::Digest>& diff_ids) {
  std::string chain;
  for (const oci::Digest& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id.text()
                          : oci::Sha256::of(fmt::format("{} {}", chain, diff_id.text())).text();
  }
  return oci::Sha256::of(fmt::format("supermachine-rootfs {} {}", kRootfsVersion, chain)).hex();
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// What a process that was killed left half-written. We hold the lock, so nobody is writing now.
void remove_leftovers(const std::string& directory, const std::string& file_name) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.path().filename().string().starts_with(file_name + ".")) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

Status apply_layer(const oci::Image& image, const oci::Layer& layer, const oci::LayerLimits& limits,
                   rootfs::LayerTree& tree) {
  const auto bytes = SM_TRY(oci::open_layer(image, layer, limits));
  return tree.apply(*bytes);
}

Status build_rootfs(const oci::Image& image, const ImportOptions& options,
                    const std::string& directory, const std::string& path) {
  const auto report = [&](const std::string& doing) {
    if (options.progress) options.progress(doing);
  };
  rootfs::Spool spool = SM_TRY(rootfs::Spool::create(directory));
  rootfs::LayerTree tree(options.limits, spool);
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const oci::Layer& layer = image.layers[i];
    report(fmt::format("unpacking layer {} of {}", i + 1, image.layers.size()));
    Status applied = apply_layer(image, layer, options.layer_limits, tree);
    if (!applied.ok()) return std::move(applied).error().with(layer.text());
  }
  SM_TRY(spool.flush());
  report("writing the root file system");
  AtomicFile out = SM_TRY(AtomicFile::create(path));
  Status written = rootfs::write_squashfs(tree, spool, out);
  if (!written.ok()) return std::move(written).error().with(path);
  return out.commit();
}

}  // namespace

Result<ImportedImage> import_image(std::string_view reference_text, const ImportOptions& options) {
  const oci::Reference reference = SM_TRY(oci::Reference::parse(reference_text));
  const oci::Image image = SM_TRY(oci::open_image(reference, options.platform));

  ImportedImage imported;
  imported.config = image.config;
  imported.name = image.name;
  imported.digest = image.digest;
  imported.chain_key = chain_key(image.config.diff_ids);
  const std::string directory = options.cache_dir + "/images/rootfs";
  const std::string file_name = imported.chain_key + ".squashfs";
  imported.rootfs_path = directory + "/" + file_name;
  imported.was_cached = exists(imported.rootfs_path);
  if (imported.was_cached) return imported;

  SM_TRY(make_directories(directory));
  const FileLock lock =
      SM_TRY(FileLock::acquire(directory + "/" + imported.chain_key + ".lock", options.deadline));
  imported.was_cached = exists(imported.rootfs_path);  // by the one we waited for
  if (imported.was_cached) return imported;
  remove_leftovers(directory, file_name);
  Status built = build_rootfs(image, options, directory, imported.rootfs_path);
  if (!built.ok()) return std::move(built).error().with(reference.path);
  return imported;
}

}  // namespace supermachine::bake
