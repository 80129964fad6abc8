// SPDX-License-Identifier: Apache-2.0
// TCP on this machine's loopback, and whole messages on stream sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine {

// A listener on a free port, or on `port`. A test that cannot have one cannot go on.
class LoopbackListener {
 public:
  explicit LoopbackListener(int family = AF_INET, std::uint16_t port = 0)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SM_CHECK(socket_.get() >= 0);
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_storage address = loopback(family, port);
    socklen_t size = sizeof(address);
    // The sockets API wants every address as a sockaddr.
    SM_CHECK(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size_of(family)) == 0);
    SM_CHECK(::listen(socket_.get(), SOMAXCONN) == 0);
    SM_CHECK(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);  // at one place in both
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Waits up to ten seconds; empty when nobody came.
  [[nodiscard]] UniqueFd accept() const {
    const auto ready =
        sys::wait_ready(socket_.get(), POLLIN, deadline_in(std::chrono::seconds(10)));
    if (!ready.ok() || !ready.value()) return {};
    auto accepted = sys::accept(socket_.get());
    return accepted.ok() && accepted.value() ? std::move(*accepted.value()) : UniqueFd();
  }

  static sockaddr_storage loopback(int family, std::uint16_t port) {
    sockaddr_storage storage{};
    if (family == AF_INET) {
      auto* address = reinterpret_cast<sockaddr_in*>(&storage);
      address->sin_family = AF_INET;
      address->sin_port = htons(port);
      address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
      address->sin6_family = AF_INET6;
      address->sin6_port = htons(port);
      address->sin6_addr = in6addr_loopback;
    }
    return storage;
  }
  static socklen_t size_of(int family) {
    return family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }

 private:
  UniqueFd socket_;
  std::uint16_t port_ = 0;
};

// Empty when nobody listens there.
inline UniqueFd connect_loopback(std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_storage address = LoopbackListener::loopback(AF_INET, port);
  const int rc = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                           LoopbackListener::size_of(AF_INET));
  return rc == 0 ? std::move(socket) : UniqueFd();
}

inline bool send_text(const UniqueFd& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Up to `size` bytes; fewer when the other end said no more, or said nothing for ten seconds.
inline std::string receive_text(const UniqueFd& socket, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const auto ready = sys::wait_ready(socket.get(), POLLIN, deadline_in(std::chrono::seconds(10)));
    if (!ready.ok() || !ready.value()) break;
    const auto count =
        sys::read(socket.get(), std::as_writable_bytes(std::span(text)).subspan(got));
    if (!count.ok() || count.value() == 0) break;
    got += count.value();
  }
  text.resize(got);
  return text;
}

// To the end of file. A connection that breaks instead ends with "(broken)", one that falls silent
// with "(silent)".
inline std::string receive_all(const UniqueFd& socket) {
  std::string text;
  std::string buffer(std::size_t{1} << 16, '\0');
  for (;;) {
    const auto ready = sys::wait_ready(socket.get(), POLLIN, deadline_in(std::chrono::seconds(10)));
    if (!ready.ok() || !ready.value()) return text + "(silent)";
    const auto count = sys::read(socket.get(), std::as_writable_bytes(std::span(buffer)));
    if (!count.ok()) return text + "(broken)";
    if (count.value() == 0) return text;
    text.append(buffer, 0, count.value());
  }
}

// Bytes of which no two neighbouring blocks are alike.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace supermachine
