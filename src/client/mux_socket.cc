// SPDX-License-Identifier: Apache-2.0
#include "client/mux_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/sys.h"

namespace supermachine::client {
namespace {

constexpr std::size_t kMaxAnswer = 14;  // "OK 4294967295\n"
constexpr auto kRetryInterval = std::chrono::milliseconds(5);

Result<UniqueFd> connect_to_file(const std::string& path, Deadline deadline) {
  std::string address = path;
  UniqueFd directory;  // by which a path that is too long gets a short name
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    const std::size_t slash = path.rfind('/');
    directory = SM_TRY(sys::open(path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
    address = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
  }
  for (;;) {
    auto socket = sys::unix_connect_now(address);
    if (socket.ok() || socket.error().os_errno() != EAGAIN) return socket;
    // Too many at once wait to be accepted, which nothing would tell us the end of.
    if (std::chrono::steady_clock::now() >= deadline) return socket;
    std::this_thread::sleep_for(kRetryInterval);
  }
}

Status write_line(int socket, std::string_view line, Deadline deadline) {
  while (!line.empty()) {
    const std::span<const std::byte> rest = std::as_bytes(std::span(line));
    if (const auto sent = SM_TRY(sys::try_sendv(socket, std::span(&rest, 1)))) {
      line.remove_prefix(*sent);
    } else if (!SM_TRY(sys::wait_ready(socket, POLLOUT, deadline))) {
      return Error(Errc::kTimeout, "the VM does not read");
    }
  }
  return {};
}

// Byte by byte: what follows the line is the guest's.
Status read_answer(int socket, Deadline deadline) {
  std::string line;
  while (!line.ends_with('\n')) {
    std::array<std::byte, 1> next{};
    const auto got = SM_TRY(sys::try_read(socket, next));
    if (!got) {
      if (SM_TRY(sys::wait_ready(socket, POLLIN, deadline))) continue;
      return Error(Errc::kTimeout, "the VM does not answer");
    }
    if (*got == 0 || line.size() == kMaxAnswer) {
      return Error(Errc::kGuestFault, "the VM refused the connection: nothing accepts it");
    }
    line += static_cast<char>(next[0]);
  }
  if (line.starts_with("OK ")) return {};
  return Error(Errc::kGuestFault, "what listens is no VM");
}

}  // namespace

Result<UniqueFd> connect_mux(const std::string& path, std::uint32_t port, Deadline deadline) {
  auto socket = connect_to_file(path, deadline);
  if (!socket.ok()) {
    const int why = socket.error().os_errno();
    if (why != ENOENT && why != ECONNREFUSED && why != ENOTDIR) return socket;
    return Error(Errc::kNotFound, "no VM listens at " + path);
  }
  const int fd = socket.value().get();
  const std::string greeting = "CONNECT " + std::to_string(port) + "\n";
  Status done = write_line(fd, greeting, deadline);
  if (done.ok()) done = read_answer(fd, deadline);
  if (done.ok()) return socket;
  const int why = done.error().os_errno();
  if (why != ECONNRESET && why != EPIPE) return std::move(done).error();
  return Error(Errc::kGuestFault, "the VM closed the connection: it is ending");
}

}  // namespace supermachine::client
