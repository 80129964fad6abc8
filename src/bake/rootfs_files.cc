// SPDX-License-Identifier: Apache-2.0
#include "bake/rootfs_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "base/sys.h"

namespace supermachine::bake {

std::string rootfs_directory(const std::string& cache_dir) { return cache_dir + "/images/rootfs"; }

Result<RootfsHold> RootfsHold::acquire(const std::string& path, int how, Deadline deadline) {
  constexpr auto kRetry = std::chrono::milliseconds(5);  // flock(2) has no deadline of its own
  const auto gone = [&] { return Error(Errc::kNotFound, path + ": removed by another process"); };
  auto opened = sys::open(path, O_RDONLY);
  if (!opened.ok() && opened.error().os_errno() == ENOENT) return gone();
  UniqueFd fd = SM_TRY(std::move(opened));
  while (::flock(fd.get(), how | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Error::from_errno("flock " + path);
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(Errc::kTimeout, path + ": in use by another process");
    std::this_thread::sleep_for(kRetry);
  }
  // It may have been removed since it was opened.
  if (SM_TRY(sys::file_status(fd.get())).st_nlink == 0) return gone();
  return RootfsHold(std::move(fd));
}

Result<RootfsHold> RootfsHold::take(const std::string& path, Deadline deadline) {
  return acquire(path, LOCK_SH, deadline);
}

Result<RootfsHold> RootfsHold::take_alone(const std::string& path) {
  return acquire(path, LOCK_EX, deadline_in({}));
}

}  // namespace supermachine::bake
