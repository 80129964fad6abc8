// SPDX-License-Identifier: Apache-2.0
#include "http_get.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/files.h"

namespace supermachine {

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // connect(2) takes every kind of address by this type.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return UniqueFd();
  }
  return socket;
}

std::string http_get(std::uint16_t port) {
  const UniqueFd socket = connect_to(port);
  if (!socket) return "";
  constexpr std::string_view kRequest = "GET / HTTP/1.0\r\n\r\n";
  if (!write_all(socket.get(), std::as_bytes(std::span(kRequest))).ok()) return "";
  std::string answer;
  for (;;) {
    pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
    std::array<char, 4096> chunk{};
    if (::poll(&entry, 1, 10'000) <= 0) return answer;
    const ssize_t got = ::read(socket.get(), chunk.data(), chunk.size());
    if (got <= 0) return answer;
    answer.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace supermachine
