// SPDX-License-Identifier: Apache-2.0
#include "snapshot/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/sys.h"
#include "snapshot/limits.h"
#include "snapshot/memory_checksum.h"
#include "snapshot/page_runs.h"

namespace supermachine {
namespace {

using snapshot::checksum_memory;
using snapshot::decode_hot_set;
using snapshot::decode_metadata;
using snapshot::decode_restore_file;
using snapshot::kChecksumBytes;
using snapshot::kHotSetFile;
using snapshot::kMaxBases;
using snapshot::kMaxHotSetBytes;
using snapshot::kMaxMetadataBytes;
using snapshot::kMaxRestoreBytes;
using snapshot::kMemoryFile;
using snapshot::kMetadataFile;
using snapshot::kRestoreFile;
using snapshot::overlay;
using snapshot::RestoreFile;

constexpr std::uint64_t kMib = 1 << 20;
constexpr int kAttempts = 4;

Error corrupt(std::string why) { return {Errc::kCorrupt, std::move(why)}; }

// Non-blocking, so that a pipe of that name does not hold us up: it is refused by what it is.
Result<UniqueFd> open_file(int directory, const char* name) {
  auto fd = sys::open_beneath(directory, name, O_RDONLY | O_NONBLOCK);
  if (!fd.ok()) {
    if (fd.error().os_errno() == ENOENT) return corrupt(std::string(name) + " is missing");
    return fd;
  }
  if (!S_ISREG(SM_TRY(sys::file_status(fd.value().get())).st_mode)) {
    return corrupt(std::string(name) + " is no regular file");
  }
  return fd;
}

Result<std::string> read_whole(int directory, const char* name, std::size_t max_bytes) {
  const UniqueFd fd = SM_TRY(open_file(directory, name));
  const std::uint64_t size = SM_TRY(sys::file_size(fd.get()));
  if (size > max_bytes) {
    return corrupt(std::string(name) + ": longer than " + std::to_string(max_bytes) + " bytes");
  }
  std::string bytes(size, '\0');
  auto done = read_exact_at(fd.get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!done.ok()) return std::move(done).error().with(name);
  return bytes;
}

template <typename T>
Result<T> in_file(const char* name, Result<T> result) {
  if (!result.ok()) return std::move(result).error().with(name);
  return result;
}

// The directory that `path` means.
std::string directory_of(const std::string& path) {
  std::filesystem::path directory = path;
  if (directory.filename() == kRestoreFile) directory = directory.parent_path();
  return directory.empty() ? "." : directory.string();
}

Result<bool> still_at(const std::string& path, int directory) {
  const UniqueFd now = SM_TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  const auto one = SM_TRY(sys::file_status(now.get()));
  const auto other = SM_TRY(sys::file_status(directory));
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

Status check_agreement(const SnapshotMetadata& metadata, const RestoreFile& file) {
  const MachineState& state = file.state;
  if (metadata.id != file.id || metadata.kind != file.kind) {
    return corrupt("metadata.json and restore.snap are of different snapshots");
  }
  if (metadata.memory_mib != state.memory_mib || metadata.vcpus != state.vcpus.size()) {
    return corrupt("metadata.json: another machine than that of restore.snap");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> Snapshot::open(const std::string& path) {
  return open_chain(directory_of(path), kMaxBases);
}

Result<std::shared_ptr<const Snapshot>> Snapshot::open_chain(const std::string& directory,
                                                             std::size_t bases_left) {
  for (int attempt = 1;; ++attempt) {
    const auto dir = sys::open(directory, O_RDONLY | O_DIRECTORY);
    if (!dir.ok()) {
      const int why = dir.error().os_errno();
      if (why != ENOENT && why != ENOTDIR) return dir.error();
      return Error(Errc::kNotFound, directory + " is no snapshot: no such directory");
    }
    std::shared_ptr<Snapshot> snapshot(new Snapshot);
    snapshot->directory_ = directory;
    auto done = snapshot->read(dir.value().get(), bases_left);
    if (done.ok()) return std::shared_ptr<const Snapshot>(std::move(snapshot));
    // A newer one may have taken its place, and its files may be gone.
    const auto same = still_at(directory, dir.value().get());
    if (attempt == kAttempts || (same.ok() && same.value())) {
      return std::move(done).error().with(directory);
    }
  }
}

Status Snapshot::read(int directory, std::size_t bases_left) {
  SM_TRY(read_state(directory));
  SM_TRY(open_memory(directory));
  SM_TRY(read_hot_set(directory));
  return open_base(bases_left);
}

Status Snapshot::read_state(int directory) {
  const auto there = sys::open_beneath(directory, kRestoreFile, O_PATH | O_NOFOLLOW);
  if (!there.ok() && there.error().os_errno() == ENOENT) {
    return Error(Errc::kNotFound, "holds no snapshot");
  }
  const std::string bytes = SM_TRY(read_whole(directory, kRestoreFile, kMaxRestoreBytes));
  file_ = SM_TRY(in_file(kRestoreFile, decode_restore_file(std::as_bytes(std::span(bytes)))));
  const std::string text = SM_TRY(read_whole(directory, kMetadataFile, kMaxMetadataBytes));
  if (text.size() != file_.metadata_bytes ||
      crc32c(std::as_bytes(std::span(text))) != file_.metadata_crc32c) {
    return corrupt("metadata.json: not the text that restore.snap was written with");
  }
  metadata_ = SM_TRY(in_file(kMetadataFile, decode_metadata(text)));
  return check_agreement(metadata_, file_);
}

Status Snapshot::open_memory(int directory) {
  memory_file_ = SM_TRY(open_file(directory, kMemoryFile));
  memory_.size_bytes = metadata_.memory_mib * kMib;
  const std::uint64_t size = SM_TRY(sys::file_size(memory_file_.get()));
  if (size != memory_.size_bytes) {
    return corrupt("memory.img: " + std::to_string(size) + " bytes instead of " +
                   std::to_string(memory_.size_bytes));
  }
  return {};
}

Status Snapshot::read_hot_set(int directory) {
  const auto present = sys::open_beneath(directory, kHotSetFile, O_PATH | O_NOFOLLOW);
  if (!present.ok() && present.error().os_errno() == ENOENT) return {};
  const std::string bytes = SM_TRY(read_whole(directory, kHotSetFile, kMaxHotSetBytes));
  hot_set_ = SM_TRY(in_file(kHotSetFile, decode_hot_set(std::as_bytes(std::span(bytes)),
                                                        memory_.size_bytes / kPageSize)));
  if (hot_set_->snapshot != id()) return corrupt("hot.set: is that of another snapshot");
  return {};
}

Status Snapshot::open_base(std::size_t bases_left) {
  std::vector<MemoryRun> below;
  if (metadata_.base) {
    if (bases_left == 0) {
      return corrupt("more than " + std::to_string(kMaxBases) + " bases below each other");
    }
    const std::filesystem::path path =
        std::filesystem::path(directory_) / std::filesystem::path(metadata_.base->path);
    base_ = SM_TRY(in_file("base", open_chain(path, bases_left - 1)));
    if (base_->id() != metadata_.base->id) {
      return corrupt("base: " + path.string() + " is another snapshot than " +
                     metadata_.base->id.hex());
    }
    if (base_->memory_.size_bytes != memory_.size_bytes) {
      return corrupt("base: " + path.string() + " has another memory size");
    }
    memory_.files = base_->memory_.files;
    below = base_->memory_.runs;
  }
  memory_.runs = overlay(below, file_.runs, memory_.files.size());
  memory_.files.push_back(memory_file_.get());
  return {};
}

std::string Snapshot::rootfs_path() const {
  if (metadata_.rootfs.path.empty()) return {};
  return std::filesystem::path(directory_) / metadata_.rootfs.path;
}

Status Snapshot::verify() const {
  const auto blocks = SM_TRY(in_file((directory_ + "/" + kMemoryFile).c_str(),
                                     checksum_memory(memory_file_.get(), file_.runs)));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].crc32c == file_.checksums[i]) continue;
    return corrupt(directory_ + "/" + kMemoryFile + ": the checksum of the " +
                   std::to_string(kChecksumBytes >> 20) + " MiB at " +
                   std::to_string(blocks[i].offset >> 20) + " MiB is wrong");
  }
  return base_ == nullptr ? Status() : base_->verify();
}

}  // namespace supermachine
