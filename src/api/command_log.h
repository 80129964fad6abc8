// SPDX-License-Identifier: Apache-2.0
// The commands that a warm-up ran in its VM, so that the rehearsal of what it left can run them too
// and learns which pages they touch.
#pragma once

#include <string>
#include <vector>

#include "base/mutex.h"
#include "rpc/messages.h"

namespace supermachine {

// Any thread.
class CommandLog {
 public:
  struct Command {
    rpc::ExecRequest request;
    std::string input;
  };

  // Without effect for what cannot be repeated, and beyond the first kMaxCommands.
  void add(rpc::ExecRequest request, std::string input) {
    if (request.tty || request.with_stdin == input.empty()) return;
    const MutexLock lock(mutex_);
    if (commands_.size() < kMaxCommands)
      commands_.push_back({std::move(request), std::move(input)});
  }
  [[nodiscard]] std::vector<Command> commands() const {
    const MutexLock lock(mutex_);
    return commands_;
  }

 private:
  static constexpr std::size_t kMaxCommands = 32;

  mutable Mutex mutex_;
  std::vector<Command> commands_ SM_GUARDED_BY(mutex_);
};

}  // namespace supermachine
