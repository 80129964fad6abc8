// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace supermachine::cli {

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode));
  if (fd.get() < 0) return Error::from_errno("open " + path);
  return fd;
}

Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes) {
  const Fd fd = SM_TRY(open_file(path, O_RDONLY | O_NONBLOCK));
  std::string bytes;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("read " + path);
    if (got == 0) return bytes;
    bytes.append(chunk.data(), static_cast<std::size_t>(got));
    if (bytes.size() > max_bytes) {
      return Error(Errc::kCorrupt, path + " is longer than it can be");
    }
  }
}

Status write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Error::from_errno("write");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

Status replace_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  Status done;
  {
    const Fd fd = SM_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    done = write_fully(fd.get(), bytes);
  }
  if (done.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    done = Error::from_errno("rename");
  }
  if (done.ok()) return {};
  ::unlink(temporary.c_str());
  return std::move(done).error().with(path);
}

Result<bool> try_lock(int fd, Lock lock) {
  const int operation = (lock == Lock::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (;;) {
    if (::flock(fd, operation) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return Error::from_errno("flock");
  }
}

Status make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("mkdir " + path);
  }
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return Error::from_errno("stat " + path);
  if (!S_ISDIR(found.st_mode)) return Error(Errc::kInvalidArgument, path + " is no directory");
  if (found.st_uid != ::geteuid()) {
    return Error(Errc::kInvalidArgument, path + " belongs to another user");
  }
  if ((found.st_mode & 022) != 0) {
    return Error(Errc::kInvalidArgument, "others may write to " + path + ": chmod 700 it");
  }
  return {};
}

}  // namespace supermachine::cli
