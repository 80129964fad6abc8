// SPDX-License-Identifier: Apache-2.0
// TCP ports of a guest.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "supermachine/detail/pointers.h"
#include "supermachine/result.h"

namespace supermachine {

// A connection to a program in the guest: owns a connected socket that blocks. shutdown(2) ends the
// direction to the guest alone; destroying it ends both.
class Stream {
 public:
  explicit Stream(int fd) noexcept : fd_(fd) {}  // takes it over
  Stream(Stream&& other) noexcept : fd_(other.release()) {}
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  // The socket, which is then the caller's to close.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// A TCP socket of the guest that takes connections.
struct Listener {
  std::uint16_t port = 0;
  std::string address;    // as the program bound it: "0.0.0.0", "127.0.0.1", "::"
  std::uint32_t pid = 0;  // in the guest, of a process that has it; 0: none was found
};

// A TCP port of the host whose connections lead into a guest, from Vm::expose_tcp(). Destroying it,
// from any thread, closes the port and its connections; so does the end of the VM, or its way back
// to its pool, both of which it may outlive. A connection is closed at once when nobody listens in
// the guest, or when all of the VM's 1024 connections are in use.
class TcpForward {
 public:
  TcpForward(TcpForward&&) noexcept;
  TcpForward& operator=(TcpForward&&) noexcept;
  ~TcpForward();

  [[nodiscard]] std::uint16_t port() const noexcept;  // of the host
  [[nodiscard]] const std::string& address() const noexcept;

 private:
  friend class Vm;
  struct State;
  explicit TcpForward(detail::Owned<State> state);
  detail::Owned<State> state_;
};

}  // namespace supermachine
