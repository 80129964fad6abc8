// SPDX-License-Identifier: Apache-2.0
#include "bake/prune.h"

#include <filesystem>
#include <set>

#include "bake/import.h"
#include "bake/rootfs_files.h"
#include "base/directory.h"
#include "base/files.h"

namespace supermachine::bake {
namespace {

namespace fs = std::filesystem;

void remove_counted(const fs::path& path, registry::PruneReport& report) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || !fs::remove(path, error)) return;  // another was faster
  report.files += 1;
  report.bytes += size;
}

// What imports that were killed left half-written, of images that nobody imports now.
Status remove_unfinished(const std::string& directory, registry::PruneReport& report) {
  const std::string infix = std::string(kRootfsSuffix) + ".";
  for (const fs::path& path : SM_TRY(list_directory(directory))) {
    const std::string name = path.filename().string();
    const std::size_t end_of_key = name.find(infix);
    if (end_of_key == std::string::npos) continue;
    const auto lock = FileLock::acquire(
        directory + "/" + name.substr(0, end_of_key) + kRootfsLockSuffix, deadline_in({}));
    if (lock.ok()) remove_counted(path, report);
  }
  return {};
}

Result<std::set<std::string>> keys_of_images(const registry::ImageStore& store) {
  std::set<std::string> keys;
  for (const registry::StoredImage& stored : SM_TRY(store.list())) {
    const auto image = store.open(stored);
    if (image.ok()) keys.insert(rootfs_key(image.value().config.diff_ids));
  }
  return keys;
}

// All that may go are held before anybody is asked whether they are needed: a bake is in the store
// before it lets go of its own.
Status remove_rootfs_files(const std::string& directory, std::set<std::string> wanted,
                           const RootfsKeys& needed, registry::PruneReport& report) {
  std::vector<std::pair<fs::path, RootfsHold>> held;
  for (const fs::path& path : SM_TRY(list_directory(directory))) {
    if (path.extension() != kRootfsSuffix || wanted.contains(path.stem().string())) continue;
    auto hold = RootfsHold::take_alone(path);
    if (hold.ok()) held.emplace_back(path, std::move(hold).value());
  }
  for (std::string& key : SM_TRY(needed())) wanted.insert(std::move(key));
  for (const auto& [path, hold] : held) {
    if (!wanted.contains(path.stem().string())) remove_counted(path, report);
  }
  return {};
}

}  // namespace

Result<registry::PruneReport> prune_images(const std::string& cache_dir, const SharedLock& alone,
                                           const RootfsKeys& needed) {
  const registry::ImageStore store(cache_dir);
  const std::string directory = rootfs_directory(cache_dir);
  registry::PruneReport report = SM_TRY(store.prune(alone));
  SM_TRY(remove_unfinished(directory, report));
  if (needed) SM_TRY(remove_rootfs_files(directory, SM_TRY(keys_of_images(store)), needed, report));
  return report;
}

}  // namespace supermachine::bake
