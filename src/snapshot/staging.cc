// SPDX-License-Identifier: Apache-2.0
#include "snapshot/staging.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "snapshot/limits.h"

namespace supermachine::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr int kAttempts = 16;
constexpr std::string_view kMark = ".snapshot-";
constexpr std::string_view kUnique = "XXXXXX";
constexpr std::string_view kAside = ".old";
constexpr std::uint64_t kStatBlock = 512;  // stat(2), st_blocks

bool is_ours(const std::string& name) {
  constexpr std::array kNames = {kMetadataFile, kRestoreFile, kMemoryFile, kHotSetFile,
                                 kRootfsFile};
  return std::ranges::any_of(kNames, [&](const char* known) { return name == known; }) ||
         // A hot set that was being written when its writer died.
         name.starts_with(std::string(kHotSetFile) + ".");
}

Error holds_other(const std::string& target, const std::string& name) {
  return {Errc::kInvalidArgument, target + " holds other things than a snapshot: " + name};
}

// Whether there is something at `target`. kInvalidArgument when it must not be replaced.
Result<bool> check_replaceable(const std::string& target) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return false;
  if (!fs::is_directory(target, error)) {
    return Error(Errc::kInvalidArgument, target + " exists and is no directory");
  }
  for (auto entry = fs::directory_iterator(target, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!is_ours(name)) return holds_other(target, name);
  }
  if (error) return Error::from_errno("read " + target, error.value());
  return true;
}

// What others of the same target are called begins with this.
std::string staging_prefix(const fs::path& target) {
  return "." + target.filename().string() + std::string(kMark);
}

Result<bool> is_directory_at(const std::string& path, int directory) {
  const auto named = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!named.ok()) return false;
  const auto one = SM_TRY(sys::file_status(named.value().get()));
  const auto other = SM_TRY(sys::file_status(directory));
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

bool is_staging(const std::string& name) {
  const std::size_t at = name.rfind(kMark);
  const std::size_t end = at + kMark.size() + kUnique.size();
  if (!name.starts_with('.') || at == std::string::npos || at < 2 || name.size() < end)
    return false;
  return name.size() == end || name.substr(end) == kAside;
}

// Whatever fails here is the next one's to clear up.
template <typename IsMeant>
Removed remove_dead(const fs::path& directory, const IsMeant& is_meant) {
  std::error_code error;
  std::vector<fs::path> found;
  for (auto entry = fs::directory_iterator(directory, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    if (is_meant(entry->path().filename().string())) found.push_back(entry->path());
  }
  Removed removed;
  for (const fs::path& path : found) {
    const auto writer = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!writer.ok()) continue;
    const auto locked = sys::try_lock(writer.value().get());
    if (!locked.ok() || !locked.value()) continue;
    const Removed one = remove_counted(path);
    removed.files += one.files;
    removed.bytes += one.bytes;
  }
  return removed;
}

Status sync_directory(const std::string& path) {
  const UniqueFd directory = SM_TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  return sys::sync(directory.get());
}

// For file systems that cannot exchange two names: between the renames there is no target.
Status replace_in_two_steps(const std::string& path, const std::string& target) {
  const std::string aside = path + std::string(kAside);
  SM_TRY(sys::rename(target, aside));
  auto done = sys::rename(path, target);
  if (!done.ok()) {
    static_cast<void>(sys::rename(aside, target));
    return done;
  }
  return sys::rename(aside, path);
}

}  // namespace

Removed remove_counted(const std::string& path) {
  Removed removed;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(path, error);
       !error && entry != fs::end(entry); entry.increment(error)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0 || S_ISDIR(status.st_mode)) continue;
    removed.files += 1;
    removed.bytes += static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
  }
  fs::remove_all(path, error);
  return error ? Removed() : removed;
}

Removed Staging::remove_dead_in(const std::string& directory) {
  return remove_dead(directory, is_staging);
}

Result<Staging> Staging::create(const std::string& target) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target, error), error);
  if (error) return Error::from_errno(target, error.value());
  if (!path.has_filename()) path = path.parent_path();
  if (target.empty() || !path.has_filename()) {
    return Error(Errc::kInvalidArgument, "'" + target + "' is no place for a snapshot");
  }
  SM_TRY(check_replaceable(path));
  SM_TRY(make_directories(path.parent_path()));
  remove_dead(path.parent_path(), [prefix = staging_prefix(path)](const std::string& name) {
    return name.starts_with(prefix);
  });
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = path.parent_path() / (staging_prefix(path) + std::string(kUnique));
    SM_TRY(sys::make_unique_directory(name));
    auto directory = sys::open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory.ok()) continue;
    // Until it is locked, another writer may take it for a dead one's.
    const int fd = directory.value().get();
    if (SM_TRY(sys::try_lock(fd)) && SM_TRY(is_directory_at(name, fd))) {
      return Staging(path, std::move(name), std::move(directory).value());
    }
  }
  return Error(Errc::kExhausted, path.string() + ": too many write it at the same time");
}

Staging::~Staging() {
  if (path_.empty()) return;
  std::error_code ignored;  // the next writer will try again
  fs::remove_all(path_, ignored);
}

Status Staging::publish() {
  SM_CHECK(!path_.empty());
  const std::string parent = fs::path(target_).parent_path();
  SM_TRY(sys::sync(directory_.get()));
  if (SM_TRY(check_replaceable(target_))) {
    auto done = sys::exchange(path_, target_);
    if (!done.ok() && (done.error().os_errno() == EINVAL || done.error().os_errno() == ENOSYS)) {
      done = replace_in_two_steps(path_, target_);
    }
    SM_TRY(std::move(done));
    SM_TRY(sync_directory(parent));
    std::error_code ignored;  // the next writer will try again
    fs::remove_all(path_, ignored);
  } else {
    SM_TRY(sys::rename(path_, target_));
    SM_TRY(sync_directory(parent));
  }
  path_.clear();
  directory_ = UniqueFd();
  return {};
}

}  // namespace supermachine::snapshot
