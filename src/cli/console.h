// SPDX-License-Identifier: Apache-2.0
// Where the guest's serial console goes.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "cli/fd.h"
#include "supermachine/result.h"

namespace supermachine::cli {

// A pipe whose writing end the VM gets, which must never wait, and a thread that carries what it
// writes to standard error, to a file, or both. Outlives the VM.
class ConsoleRelay {
 public:
  // `log_path` may be empty. The file is replaced.
  static Result<ConsoleRelay> start(bool to_stderr, const std::string& log_path);
  ConsoleRelay(ConsoleRelay&&) = default;
  ConsoleRelay& operator=(ConsoleRelay&&) = delete;
  ~ConsoleRelay();  // once all that was written has been carried on

  [[nodiscard]] int fd() const noexcept { return writer_.get(); }

 private:
  ConsoleRelay(Fd writer, std::thread thread)
      : writer_(std::move(writer)), thread_(std::move(thread)) {}
  Fd writer_;
  std::thread thread_;
};

}  // namespace supermachine::cli
