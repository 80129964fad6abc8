// SPDX-License-Identifier: Apache-2.0
#include "base/shared_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/flock.h"
#include "base/sys.h"

namespace supermachine {

Result<SharedLock> SharedLock::acquire(const std::string& path, int how, Deadline deadline) {
  UniqueFd fd = SM_TRY(sys::open(path, O_RDWR | O_CREAT, 0644));
  SM_TRY(wait_for_flock(fd.get(), how, path, deadline));
  return SharedLock(std::move(fd));
}

Result<SharedLock> SharedLock::share(const std::string& path, Deadline deadline) {
  return acquire(path, LOCK_SH, deadline);
}

Result<SharedLock> SharedLock::alone(const std::string& path, Deadline deadline) {
  return acquire(path, LOCK_EX, deadline);
}

}  // namespace supermachine
