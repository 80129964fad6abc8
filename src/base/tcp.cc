// SPDX-License-Identifier: Apache-2.0
#include "base/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace supermachine {
namespace {

union Address {
  sockaddr generic;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t size_of(const Address& address) {
  return address.generic.sa_family == AF_INET ? sizeof(address.v4) : sizeof(address.v6);
}

Result<Address> parse(const std::string& text, std::uint16_t port) {
  Address address{};
  if (::inet_pton(AF_INET, text.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    return address;
  }
  address = {};
  if (::inet_pton(AF_INET6, text.c_str(), &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    return address;
  }
  return Error(Errc::kInvalidArgument,
               "'" + text + "' is not an IP address in figures, such as 127.0.0.1");
}

// For who has to choose another address or port.
Error explain(int error, const std::string& where) {
  const auto refused = [&](const char* why) {
    return Error(Errc::kInvalidArgument, "cannot listen on " + where + ": " + why);
  };
  if (error == EADDRINUSE) return refused("another program does");
  if (error == EACCES) return refused("only root may listen on this port");
  if (error == EADDRNOTAVAIL) return refused("not an address of this host");
  return Error::from_errno("listen on " + where, error);
}

}  // namespace

Result<TcpListener> tcp_listen(const std::string& address, std::uint16_t port) {
  Address where = SM_TRY(parse(address, port));
  const bool is_v6 = where.generic.sa_family == AF_INET6;
  const std::string name = (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  UniqueFd socket(::socket(where.generic.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return explain(errno, name);
  // A port whose last user's connections are still winding up is free.
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(socket.get(), &where.generic, size_of(where)) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return explain(errno, name);
  }
  socklen_t size = sizeof(where);
  if (::getsockname(socket.get(), &where.generic, &size) != 0) return explain(errno, name);
  return TcpListener{.socket = std::move(socket),
                     .port = ntohs(is_v6 ? where.v6.sin6_port : where.v4.sin_port)};
}

void tcp_no_delay(int socket) {
  const int on = 1;
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

}  // namespace supermachine
