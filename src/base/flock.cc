// SPDX-License-Identifier: Apache-2.0
#include "base/flock.h"

#include <sys/file.h>

#include <cerrno>
#include <thread>

namespace supermachine {

Status wait_for_flock(int fd, int how, const std::string& path, Deadline deadline) {
  constexpr auto kRetry = std::chrono::milliseconds(20);
  while (::flock(fd, how | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Error::from_errno("flock " + path);
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(Errc::kTimeout, path + ": in use by another process for too long");
    std::this_thread::sleep_for(kRetry);
  }
  return {};
}

}  // namespace supermachine
