// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace supermachine::cli {
namespace {

bool can_write(int fd) {
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&entry, 1, 0) != 0;
}

// pipe(7): where there is room at all, there is room for PIPE_BUF bytes. The description is shared
// with others, so O_NONBLOCK is not ours to set.
ssize_t write_to_pipe(int fd, std::string_view bytes) {
  const iovec all{.iov_base = const_cast<char*>(bytes.data()),  // writev(2) only reads it
                  .iov_len = bytes.size()};
  const ssize_t written = ::pwritev2(fd, &all, 1, -1, RWF_NOWAIT);
  if (written >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)) return written;
  if (!can_write(fd)) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

}  // namespace

Output::Output(int fd) : fd_(fd), kind_(Kind::kFile) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;  // the first write tells
  if (S_ISFIFO(status.st_mode)) kind_ = Kind::kPipe;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::kSocket;
  if (S_ISCHR(status.st_mode) && ::isatty(fd) == 1) kind_ = Kind::kTerminal;
}

Result<std::size_t> Output::write_some(std::string_view bytes) {
  constexpr std::size_t kTerminalChunk = 4096;
  ssize_t written = -1;
  switch (kind_) {
    case Kind::kFile:
      written = ::write(fd_, bytes.data(), bytes.size());
      break;
    case Kind::kPipe:
      written = write_to_pipe(fd_, bytes);
      break;
    case Kind::kSocket:
      written = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      break;
    case Kind::kTerminal:
      if (!can_write(fd_)) return 0U;
      written = ::write(fd_, bytes.data(), std::min(bytes.size(), kTerminalChunk));
      break;
  }
  if (written >= 0) return static_cast<std::size_t>(written);
  if (errno == EAGAIN || errno == EINTR) return 0U;
  return Error::from_errno("write");
}

}  // namespace supermachine::cli
