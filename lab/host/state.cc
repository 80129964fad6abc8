// SPDX-License-Identifier: Apache-2.0
#include "host/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/sys.h"

namespace supermachine::lab {
namespace {

Status make_private(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("mkdir " + path);
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Error::from_errno("stat " + path);
  if (S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 077) == 0) return {};
  return Error(Errc::kInvalidArgument, path + " must be a directory of yours with mode 0700");
}

}  // namespace

Result<StateDir> StateDir::open() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && ::access(runtime, W_OK) == 0) {
    const std::string parent = std::string(runtime) + "/supermachine";
    SM_TRY(make_private(parent));
    SM_TRY(make_private(parent + "/lab"));
    return StateDir(parent + "/lab");
  }
  std::string path = "/tmp/supermachine-lab-" + std::to_string(::geteuid());
  SM_TRY(make_private(path));
  return StateDir(std::move(path));
}

Result<std::optional<UniqueFd>> StateDir::try_lock() const {
  UniqueFd fd = SM_TRY(sys::open(path_ + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional(std::move(fd));
  if (errno == EWOULDBLOCK) return std::optional<UniqueFd>();
  return Error::from_errno("lock " + path_);
}

std::optional<UniqueFd> StateDir::connect() const {
  auto stream = sys::unix_connect(sessions_socket());
  if (!stream.ok()) return std::nullopt;  // no socket, or one that a killed lab left behind
  return std::move(stream).value();
}

}  // namespace supermachine::lab
