// SPDX-License-Identifier: Apache-2.0
#include "agent/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

#include "agent/scratch.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

struct Socket {
  rpc::Listener listener;
  std::uint32_t inode = 0;
  bool of_workload = false;
};

// sock_diag(7). The kernel is ours to trust: its messages are only held against the buffer.
struct DumpRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Status ask(int netlink, std::uint8_t family) {
  DumpRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = 1U << TCP_LISTEN;
  SM_TRY(sys::write(netlink, std::as_bytes(std::span(&request, 1))));
  return {};
}

template <typename T>
T load(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

Socket to_socket(const inet_diag_msg& message) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* address =
      ::inet_ntop(message.idiag_family, message.id.idiag_src, text.data(), text.size());
  return {.listener = {.port = ntohs(message.id.idiag_sport),
                       .address = address == nullptr ? "" : address,
                       .pid = 0},
          .inode = message.idiag_inode};
}

Status read_answer(int netlink, std::uint16_t port, std::vector<Socket>& out) {
  for (;;) {
    std::span<const std::byte> rest = scratch().first(SM_TRY(sys::read(netlink, scratch())));
    while (rest.size() >= sizeof(nlmsghdr)) {
      const auto header = load<nlmsghdr>(rest);
      if (header.nlmsg_type == NLMSG_DONE) return {};
      if (header.nlmsg_type == NLMSG_ERROR && rest.size() >= sizeof(header) + sizeof(int)) {
        const int error = -load<int>(rest.subspan(sizeof(header)));
        // Of a family that this kernel does not have nobody listens.
        if (error == ENOENT) return {};
        return Error::from_errno("sock_diag", error);
      }
      if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > rest.size()) break;
      if (header.nlmsg_len >= sizeof(header) + sizeof(inet_diag_msg)) {
        Socket socket = to_socket(load<inet_diag_msg>(rest.subspan(sizeof(header))));
        if (port == 0 || socket.listener.port == port) out.push_back(std::move(socket));
      }
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
    }
  }
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

// The inode of "socket:[12]", or 0.
std::uint32_t socket_inode(int directory, const char* name) {
  std::array<char, 64> target{};
  const ssize_t size = ::readlinkat(directory, name, target.data(), target.size());
  std::string_view text(target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  constexpr std::string_view kBefore = "socket:[";
  if (!text.starts_with(kBefore) || !text.ends_with("]")) return 0;
  text.remove_prefix(kBefore.size());
  text.remove_suffix(1);
  return number_in(text);
}

void look_for_owned(std::uint32_t pid, pid_t workload, std::vector<Socket>& sockets) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const Directory fds(::opendir(path.c_str()), ::closedir);
  if (!fds) return;
  while (const dirent* entry = ::readdir(fds.get())) {
    const std::uint32_t inode = socket_inode(::dirfd(fds.get()), entry->d_name);
    if (inode == 0) continue;
    for (Socket& socket : sockets) {
      if (socket.inode != inode || socket.listener.pid != 0) continue;
      socket.listener.pid = pid;
      socket.of_workload = workload > 0 && ::getsid(static_cast<pid_t>(pid)) == workload;
    }
  }
}

// Processes come in the order of their numbers: a server's first one, not the workers that share
// its socket.
void find_owners(pid_t workload, std::vector<Socket>& sockets) {
  const Directory proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::uint32_t pid = number_in(entry->d_name);
    if (pid != 0) look_for_owned(pid, workload, sockets);
    if (std::ranges::all_of(sockets, [](const Socket& s) { return s.listener.pid != 0; })) return;
  }
}

}  // namespace

Result<std::vector<rpc::Listener>> find_listeners(std::uint16_t port, pid_t workload) {
  UniqueFd netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return Error::from_errno("socket(NETLINK_SOCK_DIAG)");
  std::vector<Socket> sockets;
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    SM_TRY(ask(netlink.get(), family));
    SM_TRY(read_answer(netlink.get(), port, sockets));
  }
  if (!sockets.empty()) find_owners(workload, sockets);
  std::ranges::stable_sort(sockets, [](const Socket& a, const Socket& b) {
    return std::pair(!a.of_workload, a.listener.port) < std::pair(!b.of_workload, b.listener.port);
  });
  // A server may have a socket for each of its processors.
  const auto same = [](const Socket& a, const Socket& b) {
    return a.listener.port == b.listener.port && a.listener.address == b.listener.address;
  };
  sockets.erase(std::unique(sockets.begin(), sockets.end(), same), sockets.end());
  std::vector<rpc::Listener> out;
  for (Socket& socket : sockets) {
    if (out.size() < rpc::kMaxListeners) out.push_back(std::move(socket.listener));
  }
  return out;
}

}  // namespace supermachine::agent
