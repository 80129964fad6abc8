// SPDX-License-Identifier: Apache-2.0
// A VM's process, which is no child of ours, without mistaking another for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "cli/fd.h"
#include "supermachine/result.h"

namespace supermachine::cli {

// When a process began, in clock ticks since the machine started (proc(5), stat); with its id this
// names it for good. nullopt when there is none.
std::optional<std::int64_t> process_start(std::int64_t pid);

class VmProcess {
 public:
  // nullopt when it has ended.
  static Result<std::optional<VmProcess>> open(std::int64_t pid, std::int64_t start);

  // One that has ended meanwhile is no error.
  Status signal(int number) const;
  // Whether it has ended by then; nullopt: without a limit.
  Result<bool> wait(std::optional<std::chrono::milliseconds> timeout) const;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable once it has ended

 private:
  explicit VmProcess(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;  // see pidfd_open(2)
};

}  // namespace supermachine::cli
