// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "cli/fd.h"
#include "cli/parse.h"

namespace supermachine::cli {
namespace {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

std::optional<Address> to_address(const std::string& text, std::uint16_t port) {
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.bytes, &v4, sizeof v4);
    address.size = sizeof v4;
    return address;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.bytes, &v6, sizeof v6);
    address.size = sizeof v6;
    return address;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Status check_one(const PublishedPort& port) {
  const auto address = to_address(port.address, port.host);
  SM_CHECK(address.has_value());
  const Fd socket(::socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return Error::from_errno("socket");
  const int on = 1;  // as whoever listens on it later has it: no wait for old connections
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->bytes.ss_family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  sockaddr_storage bytes = address->bytes;
  // bind(2) takes every kind of address by this type.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&bytes), address->size) == 0 &&
      ::listen(socket.get(), 1) == 0) {
    return {};
  }
  const int why = errno;
  const std::string name = port.address + ":" + std::to_string(port.host);
  if (why == EADDRINUSE) {
    return Error(Errc::kInvalidArgument, "the port " + name + " is taken by another program");
  }
  if (why == EADDRNOTAVAIL) {
    return Error(Errc::kInvalidArgument, port.address + " is no address of this host");
  }
  return Error::from_errno("listen on " + name, why);
}

}  // namespace

Result<PublishedPort> parse_published(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return usage_error("-p takes [[IP:]HOSTPORT:]GUESTPORT, not '" + std::string(text) + "'" + why);
  };
  std::string_view rest = text;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (rest.substr(slash) != "/tcp") return wrong(": only tcp can be published");
    rest = rest.substr(0, slash);
  }
  PublishedPort port;
  const std::size_t last = rest.rfind(':');
  const auto guest = to_port(last == std::string_view::npos ? rest : rest.substr(last + 1));
  if (!guest) return wrong("");
  port.guest = *guest;
  if (last == std::string_view::npos) return port;
  rest = rest.substr(0, last);
  const std::size_t bracket = rest.rfind(']');
  const std::size_t colon = rest.rfind(':');
  const bool has_address =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  const std::string_view host = has_address ? rest.substr(colon + 1) : rest;
  if (!host.empty()) {
    const auto number = to_port(host);
    if (!number) return wrong("");
    port.host = *number;
  }
  if (!has_address) return port;
  std::string_view address = rest.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  port.address = std::string(address);
  if (!to_address(port.address, 0)) return wrong(": IP is a number, such as 127.0.0.1");
  return port;
}

std::string to_string(const PublishedPort& port) {
  const bool v6 = port.address.find(':') != std::string::npos;
  return (v6 ? "[" + port.address + "]" : port.address) + ":" + std::to_string(port.host) + "->" +
         std::to_string(port.guest) + "/tcp";
}

Status check_free(const std::vector<PublishedPort>& ports) {
  for (const PublishedPort& port : ports) {
    if (port.host != 0) SM_TRY(check_one(port));
  }
  return {};
}

Result<std::vector<TcpForward>> publish(Vm& vm, const std::vector<PublishedPort>& ports) {
  std::vector<TcpForward> forwards;
  for (const PublishedPort& port : ports) {
    forwards.push_back(SM_TRY(vm.expose_tcp(port.address, port.host, port.guest)));
  }
  return forwards;
}

}  // namespace supermachine::cli
