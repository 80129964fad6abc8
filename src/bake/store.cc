// SPDX-License-Identifier: Apache-2.0
#include "bake/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "bake/bake_name.h"
#include "snapshot/limits.h"

namespace supermachine::bake {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBaseSuffix = "__base";
constexpr const char* kLockSuffix = ".lock";
constexpr std::string_view kDoomedSuffix = ".removed";
constexpr std::uint64_t kStatBlock = 512;  // stat(2), st_blocks

std::string metadata_path(const std::string& directory) {
  return directory + "/" + snapshot::kMetadataFile;
}

std::optional<SnapshotMetadata> metadata_in(const std::string& directory) {
  const auto text = read_file(metadata_path(directory), snapshot::kMaxMetadataBytes);
  if (!text.ok()) return std::nullopt;
  auto metadata = snapshot::decode_metadata(text.value());
  if (!metadata.ok()) return std::nullopt;
  return std::move(metadata).value();
}

std::uint64_t disk_bytes_in(const std::string& directory) {
  std::uint64_t blocks = 0;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) == 0)
      blocks += static_cast<std::uint64_t>(status.st_blocks);
  }
  return blocks * kStatBlock;
}

}  // namespace

std::string base_name_of(const std::string& name) { return name + std::string(kBaseSuffix); }
bool is_base_name(const std::string& name) { return name.ends_with(kBaseSuffix); }

std::optional<BakeRecord> Store::record_of(const std::string& name) const {
  const auto metadata = metadata_in(path_of(name));
  if (!metadata) return std::nullopt;
  BakeRecord record = bake_record_of(metadata->extra);
  if (record.key.empty()) return std::nullopt;
  return record;
}

std::optional<StoredBake> Store::find(const std::string& name) const {
  StoredBake bake{.name = name, .directory = path_of(name)};
  auto metadata = metadata_in(bake.directory);
  if (!metadata) return std::nullopt;
  bake.metadata = *std::move(metadata);
  bake.record = bake_record_of(bake.metadata.extra);
  if (bake.record.key.empty()) return std::nullopt;
  bake.disk_bytes = disk_bytes_in(bake.directory);
  struct stat status {};
  if (::stat(metadata_path(bake.directory).c_str(), &status) == 0)
    bake.last_used = status.st_mtim.tv_sec;
  return bake;
}

Result<std::vector<StoredBake>> Store::list() const {
  std::vector<StoredBake> bakes;
  std::error_code error;
  for (auto entry = fs::directory_iterator(dir_, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!check_bake_name(name).ok()) continue;  // locks, and what is being written
    if (auto bake = find(name)) bakes.push_back(*std::move(bake));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error::from_errno("read " + dir_, error.value());
  std::ranges::sort(bakes, {}, &StoredBake::name);
  return bakes;
}

Result<FileLock> Store::lock(const std::string& name, Deadline deadline) const {
  SM_TRY(make_directories(dir_));
  return FileLock::acquire(dir_ + "/." + name + kLockSuffix, deadline);
}

void Store::touch(const std::string& name) const {
  // Both times are now.
  static_cast<void>(::utimensat(AT_FDCWD, metadata_path(path_of(name)).c_str(), nullptr, 0));
}

Status Store::remove(const std::string& name, Deadline deadline) const {
  SM_TRY(check_bake_name(name));
  // Of a base: a warm bake may be made of it, under its own lock.
  std::optional<FileLock> owners;
  if (is_base_name(name)) {
    owners.emplace(SM_TRY(this->lock(name.substr(0, name.size() - kBaseSuffix.size()), deadline)));
  }
  const FileLock lock = SM_TRY(this->lock(name, deadline));
  if (!record_of(name)) return Error(Errc::kNotFound, "no bake is called " + name);
  for (const std::string& directory : {path_of(name), path_of(base_name_of(name))}) {
    // First under another name, so that nobody finds half of it.
    const std::string doomed = dir_ + "/." + name + std::string(kDoomedSuffix);
    std::error_code error;
    fs::remove_all(doomed, error);
    fs::rename(directory, doomed, error);
    if (error == std::errc::no_such_file_or_directory) continue;
    if (!error) fs::remove_all(doomed, error);
    if (error) return Error::from_errno("remove " + directory, error.value());
  }
  return {};
}

snapshot::Removed Store::remove_remains() const {
  snapshot::Removed removed = snapshot::Staging::remove_dead_in(dir_);
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(dir_, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const std::string file = entry->path().filename();
    if (file.starts_with('.') && file.ends_with(kDoomedSuffix) &&
        file.size() > kDoomedSuffix.size())
      names.push_back(file.substr(1, file.size() - 1 - kDoomedSuffix.size()));
  }
  for (const std::string& name : names) {
    if (!check_bake_name(name).ok()) continue;
    const auto removing = lock(name, deadline_in({}));
    if (!removing.ok()) continue;
    const snapshot::Removed one =
        snapshot::remove_counted(dir_ + "/." + name + std::string(kDoomedSuffix));
    removed.files += one.files;
    removed.bytes += one.bytes;
  }
  return removed;
}

}  // namespace supermachine::bake
