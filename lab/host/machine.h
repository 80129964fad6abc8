// SPDX-License-Identifier: Apache-2.0
// The emulated machine as a process: which program, which arguments, and its end. The arguments are
// explained in lab/README.md; they were found by trial, so each is there for a reason.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::lab {

struct MachineConfig {
  std::string kernel;  // vmlinux of the lab's kernel
  std::string init;    // supermachine-labd
  unsigned memory_mib = 4096;
  unsigned cpus = 1;
  bool strict_cache = true;  // see lab/README.md, "Files"
};

// The process ends with its owner, with the thread that started it, and by itself when the machine
// inside restarts.
class Machine {
 public:
  // `link` becomes the host's end of the machine's command channel, `log` takes its console and
  // what the emulator has to say. Both are sockets.
  static Result<Machine> start(const MachineConfig& config, UniqueFd link, UniqueFd log);
  Machine(Machine&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
  Machine& operator=(Machine&&) = delete;
  ~Machine();

  void kill();
  // Readable once the process has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

 private:
  Machine(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;
};

}  // namespace supermachine::lab
