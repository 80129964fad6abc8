// SPDX-License-Identifier: Apache-2.0
// System calls as functions that return Result. Outside base/, only KVM_RUN reads errno: its EINTR
// is a message, not a retry.
//
// Each wrapper retries EINTR, opens with O_CLOEXEC, and names itself in its error.
#pragma once

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::sys {

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
// `path` below the open `directory`: no ".." and no symlink leads out of it (openat2(2)).
Result<UniqueFd> open_beneath(int directory, const std::string& path, int flags);

Result<std::size_t> read(int fd, std::span<std::byte> out);  // 0 at end of file
Result<std::size_t> pread(int fd, std::span<std::byte> out, std::uint64_t offset);
Result<std::size_t> pwrite(int fd, std::span<const std::byte> bytes, std::uint64_t offset);
Result<std::size_t> write(int fd, std::span<const std::byte> bytes);

// For non-blocking fds: nullopt when the call would block.
Result<std::optional<std::size_t>> try_read(int fd, std::span<std::byte> out);
Result<std::optional<std::size_t>> try_write(int fd, std::span<const std::byte> bytes);

// The same over several buffers; a call may move less than all of them hold, and takes the first
// kMaxBuffers only. The send never raises SIGPIPE.
inline constexpr std::size_t kMaxBuffers = 64;
Result<std::size_t> preadv(int fd, std::span<const std::span<std::byte>> out, std::uint64_t offset);
Result<std::optional<std::size_t>> try_readv(int fd, std::span<const std::span<std::byte>> out);
Result<std::optional<std::size_t>> try_sendv(int socket,
                                             std::span<const std::span<const std::byte>> bytes);

Status unlink(const std::string& path);

// What try_read() would give, left where it is. Sockets only.
Result<std::optional<std::size_t>> try_peek(int socket, std::span<std::byte> out);

Status set_nonblocking(int fd, bool on);

// poll(2) on one fd: true when one of `events` (POLLIN, POLLOUT) or an error is there, false at the
// deadline.
Result<bool> wait_ready(int fd, short events, Deadline deadline);
Result<struct stat> file_status(int fd);
Result<std::uint64_t> file_size(int fd);
Status truncate(int fd, std::uint64_t size);
Status sync(int fd);  // fsync(2): a file's bytes, or a directory's names
// Zeroes that take no space, and the file no shorter for them.
Status punch_hole(int fd, std::uint64_t offset, std::uint64_t length);
Status make_unique_directory(std::string& name);  // mkdtemp(3): fills in the XXXXXX at its end
Status rename(const std::string& from, const std::string& to);
Status exchange(const std::string& one, const std::string& other);  // renameat2(RENAME_EXCHANGE)
// flock(2) for us alone; false when another holds it. Released with the last copy of the fd.
Result<bool> try_lock(int fd);
Status random_bytes(std::span<std::byte> out);  // from the kernel; does not wait once it is seeded

// A counter other threads can add to. Non-blocking.
Result<UniqueFd> event_fd();
void event_fd_signal(int fd);  // cannot fail: a full counter is signalled already
void event_fd_clear(int fd);

Result<UniqueFd> epoll_create();
Status epoll_ctl(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data);
Result<int> epoll_wait(int epoll, std::span<epoll_event> events, int timeout_ms);  // 0 on EINTR

// AF_UNIX stream sockets. `path` longer than sun_path is kInvalidArgument. The socket file of a
// listener belongs to this user alone (mode 0600).
Result<UniqueFd> unix_listen(const std::string& path);
Result<UniqueFd> unix_connect(const std::string& path);      // non-blocking is up to the caller
Result<UniqueFd> unix_connect_now(const std::string& path);  // non-blocking; fails if it must wait
Result<std::optional<UniqueFd>> accept(int listener);        // nullopt when nobody waits
Status shutdown(int socket, int how);                        // SHUT_RD, SHUT_WR, SHUT_RDWR
Result<std::pair<UniqueFd, UniqueFd>> socket_pair();         // AF_UNIX, stream

// `name` is the request as written in the manual page: ioctl(fd, KVM_RUN, "KVM_RUN").
template <typename Arg = int>
Result<int> ioctl(int fd, unsigned long request, const char* name, Arg arg = {}) {
  static_assert(std::is_pointer_v<Arg> || std::is_integral_v<Arg>);
  for (;;) {
    const int rc = ::ioctl(fd, request, arg);
    if (rc >= 0) return rc;
    if (errno != EINTR) return Error::from_errno(name);
  }
}

}  // namespace supermachine::sys
