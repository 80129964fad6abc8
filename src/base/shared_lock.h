// SPDX-License-Identifier: Apache-2.0
// A lock on a directory of files that many use and one at a time may clear up, across processes.
#pragma once

#include <string>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine {

// flock(2) on a file that stays. Released with the owner.
class [[nodiscard]] SharedLock {
 public:
  // Together with others that share. kTimeout while somebody has it alone.
  static Result<SharedLock> share(const std::string& path, Deadline deadline);
  // Alone. kTimeout while anybody has it.
  static Result<SharedLock> alone(const std::string& path, Deadline deadline);

 private:
  explicit SharedLock(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<SharedLock> acquire(const std::string& path, int how, Deadline deadline);
  UniqueFd fd_;
};

}  // namespace supermachine
