// SPDX-License-Identifier: Apache-2.0
// A process of the host that owns VMs, to be killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/handles.h"
#include "supermachine/result.h"

namespace supermachine {

// In a process group and with a TMPDIR of its own. Killed and reaped at the end.
class OwnerProcess {
 public:
  static Result<OwnerProcess> start(std::string program, std::vector<std::string> arguments,
                                    const std::string& temporary);
  OwnerProcess(OwnerProcess&& other) noexcept;
  OwnerProcess& operator=(OwnerProcess&&) = delete;
  ~OwnerProcess();

  // The next thing that it prints; empty when it ended, or took more than 30 s.
  std::string next_words();

  // Its status, as of waitpid(2), after SIGKILL.
  int kill();

  // Whether no process of it is left.
  [[nodiscard]] bool group_is_gone() const;

 private:
  OwnerProcess() = default;
  pid_t pid_ = -1;  // also its group's
  bool reaped_ = false;
  UniqueFd output_;
};

}  // namespace supermachine
