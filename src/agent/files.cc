// SPDX-License-Identifier: Apache-2.0
#include "agent/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

Error describe(const Error& error, const std::string& path) {
  const int why = error.os_errno();
  const std::string message = path + ": " + std::strerror(why);
  if (why == ENOENT || why == ENOTDIR) return {Errc::kNotFound, message};
  if (why == EISDIR || why == ENXIO) return {Errc::kInvalidArgument, path + ": not a regular file"};
  return Error::from_errno(path, why);
}

Result<UniqueFd> open_regular(const std::string& path, int flags, std::uint32_t mode) {
  auto fd = sys::open(path, flags | O_NONBLOCK | O_NOCTTY, mode);
  if (!fd.ok()) return describe(fd.error(), path);
  struct stat info {};
  if (::fstat(fd.value().get(), &info) != 0) return Error::from_errno("fstat " + path);
  if (!S_ISREG(info.st_mode)) return Error(Errc::kInvalidArgument, path + ": not a regular file");
  return fd;
}

}  // namespace

Result<UniqueFd> open_for_reading(const std::string& path) {
  return open_regular(path, O_RDONLY, 0);
}

Result<UniqueFd> open_for_writing(const std::string& path, std::uint32_t mode) {
  UniqueFd fd = SM_TRY(open_regular(path, O_WRONLY | O_CREAT, mode));
  if (::ftruncate(fd.get(), 0) != 0 && errno != EINVAL) {  // EINVAL: /proc, which has no length
    return Error::from_errno("truncate " + path);
  }
  // Past the umask, and for a file that existed. /proc refuses, and keeps what it has.
  if (::fchmod(fd.get(), mode) != 0 && errno != EPERM) return Error::from_errno("chmod " + path);
  return fd;
}

Status make_path(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  for (std::size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      return Error::from_errno("create directory " + part);
    }
  }
  return {};
}

Status write_file(const std::string& path, std::uint32_t mode, const std::string& content,
                  const User& owner) {
  const UniqueFd fd = SM_TRY(open_for_writing(path, mode));
  if (::fchown(fd.get(), owner.uid, owner.gid) != 0) return Error::from_errno("chown " + path);
  // chown may have cleared the set-id bits.
  if (::fchmod(fd.get(), mode) != 0) return Error::from_errno("chmod " + path);
  if (auto written = write_all(fd.get(), std::as_bytes(std::span(content))); !written.ok()) {
    return std::move(written).error().with(path);
  }
  return {};
}

}  // namespace supermachine::agent
