// SPDX-License-Identifier: Apache-2.0
// Standard output and error, written without ever getting stuck in a reader that is slow: signals
// must reach the command meanwhile.
#pragma once

#include <string_view>

#include "supermachine/result.h"

namespace supermachine::cli {

class Output {
 public:
  explicit Output(int fd);  // borrowed

  // How many bytes were taken, perhaps none: then wait until fd() can be written. The os_errno() of
  // its error is EPIPE when the reader has gone.
  Result<std::size_t> write_some(std::string_view bytes);

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  enum class Kind { kFile, kPipe, kSocket, kTerminal };
  int fd_;
  Kind kind_;
};

}  // namespace supermachine::cli
