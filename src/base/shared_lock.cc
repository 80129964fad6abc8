// SPDX-License-Identifier: Apache-2.0
#include "base/shared_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

#include "base/sys.h"

namespace supermachine {

Result<SharedLock> SharedLock::acquire(const std::string& path, int how, Deadline deadline) {
  constexpr auto kRetry = std::chrono::milliseconds(20);  // flock(2) has no deadline of its own
  UniqueFd fd = SM_TRY(sys::open(path, O_RDWR | O_CREAT, 0644));
  while (::flock(fd.get(), how | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Error::from_errno("flock " + path);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Errc::kTimeout, path + ": in use by another process for too long");
    }
    std::this_thread::sleep_for(kRetry);
  }
  return SharedLock(std::move(fd));
}

Result<SharedLock> SharedLock::share(const std::string& path, Deadline deadline) {
  return acquire(path, LOCK_SH, deadline);
}

Result<SharedLock> SharedLock::alone(const std::string& path, Deadline deadline) {
  return acquire(path, LOCK_EX, deadline);
}

}  // namespace supermachine
