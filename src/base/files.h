// SPDX-License-Identifier: Apache-2.0
// Whole files and directories: read with a limit, replace atomically, temporary directories.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine {

// The bytes of `path`. Fails with kCorrupt when the file is longer than `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Writes all of `bytes` to `fd`, which must be blocking.
Status write_all(int fd, std::span<const std::byte> bytes);

// Writes all of `bytes` at `offset`.
Status write_all_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset);

// Fills `out` from `fd` at `offset`; kCorrupt when the file ends first.
Status read_exact_at(int fd, std::span<std::byte> out, std::uint64_t offset);

// mkdir -p.
Status make_directories(const std::string& path);

// A file without a name in `directory`, gone when it is closed.
Result<UniqueFd> anonymous_file(const std::string& directory);

// A file that appears under its name whole, or not at all: written beside it, synced, renamed.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path, mode_t mode = 0644);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();  // without commit(): nothing is left behind

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& temporary_path() const noexcept { return temporary_; }
  Status commit();

 private:
  AtomicFile(UniqueFd fd, std::string path, std::string temporary)
      : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}
  UniqueFd fd_;
  std::string path_;
  std::string temporary_;  // empty once committed
};

// Held by one process, or one owner within it, at a time. The lock file is removed at the end.
class FileLock {
 public:
  // kTimeout when another holds it until then.
  static Result<FileLock> acquire(const std::string& path, Deadline deadline);
  FileLock(FileLock&& other) noexcept
      : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  FileLock(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

// A directory of our own, removed with everything in it. Mode 0700.
class TempDir {
 public:
  // Under `parent`, or $TMPDIR, or /tmp.
  static Result<TempDir> create(const std::string& parent = {});
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept {
    const TempDir old(std::exchange(path_, std::exchange(other.path_, {})));
    return *this;
  }
  ~TempDir();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace supermachine
