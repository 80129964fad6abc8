// SPDX-License-Identifier: Apache-2.0
// Owner of a file descriptor. The command line sees nothing of the library but its public headers,
// so it has its own.
#pragma once

#include <unistd.h>

#include <utility>

namespace supermachine::cli {

class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    Fd old(std::exchange(fd_, std::exchange(other.fd_, -1)));
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const noexcept { return fd_; }
  void reset() noexcept { *this = Fd(); }

 private:
  int fd_ = -1;
};

}  // namespace supermachine::cli
