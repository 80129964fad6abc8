// SPDX-License-Identifier: Apache-2.0
#include "base/sys.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace supermachine::sys {
namespace {

template <typename Call>
auto retry_interrupted(Call call) {
  for (;;) {
    const auto rc = call();
    if (rc >= 0 || errno != EINTR) return rc;
  }
}

Result<std::size_t> transferred(ssize_t rc, const char* name) {
  if (rc < 0) return Error::from_errno(name);
  return static_cast<std::size_t>(rc);
}

Result<std::optional<std::size_t>> transferred_or_blocked(ssize_t rc, const char* name) {
  if (rc >= 0) return std::optional(static_cast<std::size_t>(rc));
  if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<std::size_t>();
  return Error::from_errno(name);
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error(Errc::kInvalidArgument, "socket path is longer than " +
                                             std::to_string(sizeof(address.sun_path) - 1) +
                                             " bytes: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

struct Buffers {
  std::array<iovec, kMaxBuffers> vectors;  // NOLINT: set up to `count`, on a fast path
  std::size_t count = 0;
};

template <typename Byte>
Buffers buffers(std::span<const std::span<Byte>> spans) {
  Buffers out;
  out.count = std::min(spans.size(), kMaxBuffers);
  for (std::size_t i = 0; i < out.count; ++i) {
    // An iovec is not const, even where the call only reads.
    out.vectors[i] = {const_cast<std::byte*>(spans[i].data()), spans[i].size()};
  }
  return out;
}

Result<UniqueFd> unix_socket(int flags = 0) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return Error::from_errno("socket");
  return fd;
}

// The sockets API wants every address as a sockaddr.
const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) return Error::from_errno("open " + path);
  return UniqueFd(fd);
}

Result<UniqueFd> open_beneath(int directory, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd = retry_interrupted(
      [&] { return ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how)); });
  if (fd < 0) return Error::from_errno("open " + path);
  return UniqueFd(static_cast<int>(fd));
}

Result<std::size_t> read(int fd, std::span<std::byte> out) {
  return transferred(retry_interrupted([&] { return ::read(fd, out.data(), out.size()); }), "read");
}

Result<std::size_t> pread(int fd, std::span<std::byte> out, std::uint64_t offset) {
  return transferred(retry_interrupted([&] {
                       return ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
                     }),
                     "pread");
}

Result<std::size_t> pwrite(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  return transferred(retry_interrupted([&] {
                       return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
                     }),
                     "write");
}

Result<std::size_t> write(int fd, std::span<const std::byte> bytes) {
  return transferred(retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); }),
                     "write");
}

Result<std::optional<std::size_t>> try_read(int fd, std::span<std::byte> out) {
  return transferred_or_blocked(
      retry_interrupted([&] { return ::read(fd, out.data(), out.size()); }), "read");
}

Result<std::optional<std::size_t>> try_write(int fd, std::span<const std::byte> bytes) {
  return transferred_or_blocked(
      retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); }), "write");
}

Result<std::size_t> preadv(int fd, std::span<const std::span<std::byte>> out,
                           std::uint64_t offset) {
  const Buffers into = buffers(out);
  return transferred(retry_interrupted([&] {
                       return ::preadv(fd, into.vectors.data(), static_cast<int>(into.count),
                                       static_cast<off_t>(offset));
                     }),
                     "preadv");
}

Result<std::optional<std::size_t>> try_readv(int fd, std::span<const std::span<std::byte>> out) {
  const Buffers into = buffers(out);
  return transferred_or_blocked(
      retry_interrupted(
          [&] { return ::readv(fd, into.vectors.data(), static_cast<int>(into.count)); }),
      "readv");
}

Result<std::optional<std::size_t>> try_sendv(int socket,
                                             std::span<const std::span<const std::byte>> bytes) {
  Buffers from = buffers(bytes);
  msghdr message{};
  message.msg_iov = from.vectors.data();
  message.msg_iovlen = from.count;
  return transferred_or_blocked(
      retry_interrupted([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT); }),
      "sendmsg");
}

Status unlink(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Error::from_errno("unlink " + path);
  return {};
}

Result<std::optional<std::size_t>> try_peek(int socket, std::span<std::byte> out) {
  return transferred_or_blocked(
      retry_interrupted(
          [&] { return ::recv(socket, out.data(), out.size(), MSG_PEEK | MSG_DONTWAIT); }),
      "recv");
}

Status set_nonblocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return Error::from_errno("fcntl");
  if (::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
    return Error::from_errno("fcntl");
  return {};
}

Result<struct stat> file_status(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return Error::from_errno("fstat");
  return status;
}

Status truncate(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return Error::from_errno("ftruncate");
  return {};
}

Status sync(int fd) {
  if (::fsync(fd) != 0) return Error::from_errno("fsync");
  return {};
}

Status punch_hole(int fd, std::uint64_t offset, std::uint64_t length) {
  const int rc = retry_interrupted([&] {
    return ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(length));
  });
  if (rc != 0) return Error::from_errno("punch a hole");
  return {};
}

Status make_unique_directory(std::string& name) {
  if (::mkdtemp(name.data()) == nullptr) return Error::from_errno("create " + name);
  return {};
}

Status rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Error::from_errno("rename to " + to);
  return {};
}

Status exchange(const std::string& one, const std::string& other) {
  if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) != 0) {
    return Error::from_errno("exchange with " + other);
  }
  return {};
}

Result<bool> try_lock(int fd) {
  if (retry_interrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return Error::from_errno("flock");
}

Result<std::uint64_t> file_size(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return Error::from_errno("fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

Status random_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto rc = retry_interrupted([&] { return ::getrandom(out.data(), out.size(), 0); });
    if (rc < 0) return Error::from_errno("getrandom");
    out = out.subspan(static_cast<std::size_t>(rc));
  }
  return {};
}

Result<bool> wait_ready(int fd, short events, Deadline deadline) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  const int count =
      retry_interrupted([&] { return ::poll(&watched, 1, poll_timeout_ms(deadline)); });
  if (count < 0) return Error::from_errno("poll");
  return count != 0;
}

Result<UniqueFd> event_fd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return Error::from_errno("eventfd");
  return UniqueFd(fd);
}

void event_fd_signal(int fd) {
  const std::uint64_t one = 1;
  static_cast<void>(retry_interrupted([&] { return ::write(fd, &one, sizeof(one)); }));
}

void event_fd_clear(int fd) {
  std::uint64_t count = 0;
  static_cast<void>(retry_interrupted([&] { return ::read(fd, &count, sizeof(count)); }));
}

Result<UniqueFd> epoll_create() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return Error::from_errno("epoll_create1");
  return fd;
}

Status epoll_ctl(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) return Error::from_errno("epoll_ctl");
  return {};
}

Result<int> epoll_wait(int epoll, std::span<epoll_event> events, int timeout_ms) {
  const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count >= 0) return count;
  if (errno == EINTR) return 0;
  return Error::from_errno("epoll_wait");
}

Result<UniqueFd> unix_listen(const std::string& path) {
  const sockaddr_un address = SM_TRY(unix_address(path));
  UniqueFd fd = SM_TRY(unix_socket());
  if (::bind(fd.get(), generic(address), sizeof(address)) != 0)
    return Error::from_errno("bind " + path);
  // Nobody can connect before listen(), so there is no moment at which others could.
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return Error::from_errno("chmod " + path);
  if (::listen(fd.get(), SOMAXCONN) != 0) return Error::from_errno("listen " + path);
  return fd;
}

Result<UniqueFd> unix_connect(const std::string& path) {
  const sockaddr_un address = SM_TRY(unix_address(path));
  UniqueFd fd = SM_TRY(unix_socket());
  if (retry_interrupted([&] { return ::connect(fd.get(), generic(address), sizeof(address)); }) !=
      0) {
    return Error::from_errno("connect " + path);
  }
  return fd;
}

Result<UniqueFd> unix_connect_now(const std::string& path) {
  const sockaddr_un address = SM_TRY(unix_address(path));
  UniqueFd fd = SM_TRY(unix_socket(SOCK_NONBLOCK));
  if (::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    return Error::from_errno("connect " + path);
  }
  return fd;
}

Status shutdown(int socket, int how) {
  if (::shutdown(socket, how) != 0) return Error::from_errno("shutdown");
  return {};
}

Result<std::optional<UniqueFd>> accept(int listener) {
  const int fd =
      retry_interrupted([&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); });
  if (fd >= 0) return std::optional(UniqueFd(fd));
  if (errno == EAGAIN || errno == ECONNABORTED) return std::optional<UniqueFd>();
  return Error::from_errno("accept");
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return Error::from_errno("socketpair");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

}  // namespace supermachine::sys
