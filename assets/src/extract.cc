// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "supermachine/kernel_x86_64.h"

namespace supermachine_kernel_x86_64 {
namespace {

using supermachine::Errc;
using supermachine::Error;
using supermachine::Result;
using supermachine::Status;

constexpr mode_t kData = 0644;
constexpr mode_t kProgram = 0755;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// The file's name until it is whole; removed at the end unless it was renamed.
class TemporaryName {
 public:
  explicit TemporaryName(std::string path) : path_(std::move(path)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Status rename_to(const std::string& dest) {
    if (::rename(path_.c_str(), dest.c_str()) != 0) return Error::from_errno("rename");
    path_.clear();
    return {};
  }

 private:
  std::string path_;
};

Status write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Error::from_errno("write");
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

Status check_parent(const std::string& parent) {
  struct stat found {};
  if (::stat(parent.c_str(), &found) != 0) {
    if (errno == ENOENT) return Error(Errc::kNotFound, parent + ": no such directory");
    return Error::from_errno(parent);
  }
  if (!S_ISDIR(found.st_mode)) return Error(Errc::kInvalidArgument, parent + ": not a directory");
  return {};
}

// rename(2) replaces everything but directories.
Status check_destination(const std::string& dest) {
  struct stat found {};
  if (::lstat(dest.c_str(), &found) == 0 && S_ISDIR(found.st_mode))
    return Error(Errc::kInvalidArgument, "it is a directory");
  return {};
}

Status write_file(std::span<const std::byte> bytes, const std::string& dest,
                  const std::string& parent, mode_t mode) {
  SM_TRY(check_destination(dest));
  std::string path = dest + ".XXXXXX";
  const Fd file(::mkostemp(path.data(), O_CLOEXEC));
  if (file.get() < 0) return Error::from_errno("create a file beside it");
  TemporaryName name(std::move(path));
  SM_TRY(write_all(file.get(), bytes));
  if (::fchmod(file.get(), mode) != 0) return Error::from_errno("chmod");
  if (::fsync(file.get()) != 0) return Error::from_errno("fsync");
  SM_TRY(name.rename_to(dest));
  // It is there, and whole; a directory that cannot be synced only makes it less durable.
  const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
  return {};
}

Status extract(std::span<const std::byte> bytes, const std::string& dest, mode_t mode,
               bool with_parents) {
  const std::filesystem::path path(dest);
  if (!path.has_filename()) return Error(Errc::kInvalidArgument, "\"" + dest + "\" names no file");
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  if (with_parents) {
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    if (error) return Error::from_errno("mkdir " + parent, error.value());
  }
  SM_TRY(check_parent(parent));
  Status done = write_file(bytes, dest, parent, mode);
  if (!done.ok()) return std::move(done).error().with(dest);
  return {};
}

}  // namespace

inline namespace SUPERMACHINE_KERNEL_X86_64_ABI {

Status extract_kernel_to(const std::string& dest) {
  return extract(kernel_bytes(), dest, kData, false);
}
Status extract_supermachine_agent_to(const std::string& dest) {
  return extract(supermachine_agent_bytes(), dest, kProgram, false);
}
Status extract_busybox_to(const std::string& dest) {
  return extract(busybox_bytes(), dest, kProgram, false);
}
Status extract_kernel_to_with_parents(const std::string& dest) {
  return extract(kernel_bytes(), dest, kData, true);
}
Status extract_supermachine_agent_to_with_parents(const std::string& dest) {
  return extract(supermachine_agent_bytes(), dest, kProgram, true);
}
Status extract_busybox_to_with_parents(const std::string& dest) {
  return extract(busybox_bytes(), dest, kProgram, true);
}

}  // namespace SUPERMACHINE_KERNEL_X86_64_ABI
}  // namespace supermachine_kernel_x86_64
