// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/sys.h"

namespace supermachine {
namespace {

// Until the directory is synced, a rename may be lost with the power.
Status sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const UniqueFd dir =
      SM_TRY(sys::open(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY));
  if (::fsync(dir.get()) != 0) return Error::from_errno("fsync " + parent.string());
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const UniqueFd fd = SM_TRY(sys::open(path, O_RDONLY));
  std::string out;
  for (;;) {
    const std::size_t had = out.size();
    out.resize(std::min(had + 65536, max_bytes + 1));
    const std::size_t got =
        SM_TRY(sys::read(fd.get(), std::as_writable_bytes(std::span(out).subspan(had))));
    out.resize(had + got);
    if (out.size() > max_bytes) {
      return Error(Errc::kCorrupt, path + ": longer than " + std::to_string(max_bytes) + " bytes");
    }
    if (got == 0) return out;
  }
}

Status write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) bytes = bytes.subspan(SM_TRY(sys::write(fd, bytes)));
  return {};
}

Status write_all_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const std::size_t wrote = SM_TRY(sys::pwrite(fd, bytes, offset));
    bytes = bytes.subspan(wrote);
    offset += wrote;
  }
  return {};
}

Status read_exact_at(int fd, std::span<std::byte> out, std::uint64_t offset) {
  while (!out.empty()) {
    const std::size_t got = SM_TRY(sys::pread(fd, out, offset));
    if (got == 0) return Error(Errc::kCorrupt, "file ends early");
    out = out.subspan(got);
    offset += got;
  }
  return {};
}

Status make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error::from_errno("mkdir " + path, error.value());
  return {};
}

Result<UniqueFd> anonymous_file(const std::string& directory) {
  auto file = sys::open(directory, O_TMPFILE | O_RDWR | O_EXCL, 0600);
  if (file.ok() || file.error().os_errno() != EOPNOTSUPP) return file;
  // Network file systems cannot: a name for a moment will do.
  std::string path = directory + "/.supermachine.XXXXXX";
  UniqueFd named(::mkostemp(path.data(), O_CLOEXEC));
  if (!named) return Error::from_errno("create a file in " + directory);
  if (::unlink(path.c_str()) != 0) return Error::from_errno("unlink " + path);
  return named;
}

Result<AtomicFile> AtomicFile::create(const std::string& path, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return Error::from_errno("create " + path);
  AtomicFile file(std::move(fd), path, std::move(temporary));
  if (::fchmod(file.fd(), mode) != 0) return Error::from_errno("chmod " + path);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::commit() {
  if (::fsync(fd_.get()) != 0) return Error::from_errno("fsync " + path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return Error::from_errno("rename to " + path_);
  temporary_.clear();
  return sync_directory_of(path_);
}

Result<FileLock> FileLock::acquire(const std::string& path, Deadline deadline) {
  // flock(2) has no deadline of its own.
  constexpr auto kRetry = std::chrono::milliseconds(20);
  for (;;) {
    UniqueFd fd = SM_TRY(sys::open(path, O_RDWR | O_CREAT, 0644));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      // The one before us may have removed the file we opened; then we hold nothing.
      struct stat held {};
      struct stat named {};
      if (::fstat(fd.get(), &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
          held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
        return FileLock(std::move(fd), path);
      }
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
      return Error::from_errno("flock " + path);
    } else {
      if (std::chrono::steady_clock::now() >= deadline) {
        return Error(Errc::kTimeout, path + ": held by another process for too long");
      }
      std::this_thread::sleep_for(kRetry);
    }
  }
}

FileLock::~FileLock() {
  if (!path_.empty()) ::unlink(path_.c_str());  // before the descriptor goes, so still ours
}

Result<TempDir> TempDir::create(const std::string& parent) {
  const char* env = std::getenv("TMPDIR");
  std::string path = (!parent.empty()                  ? parent
                      : env != nullptr && *env != '\0' ? env
                                                       : "/tmp") +
                     "/supermachine.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return Error::from_errno("mkdtemp " + path);
  return TempDir(std::move(path));
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // nobody is left to be told
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace supermachine
