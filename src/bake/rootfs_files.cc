// SPDX-License-Identifier: Apache-2.0
#include "bake/rootfs_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/flock.h"
#include "base/sys.h"

namespace supermachine::bake {

std::string rootfs_directory(const std::string& cache_dir) { return cache_dir + "/images/rootfs"; }

Result<RootfsHold> RootfsHold::acquire(const std::string& path, int how, Deadline deadline) {
  const auto gone = [&] { return Error(Errc::kNotFound, path + ": removed by another process"); };
  auto opened = sys::open(path, O_RDONLY);
  if (!opened.ok() && opened.error().os_errno() == ENOENT) return gone();
  UniqueFd fd = SM_TRY(std::move(opened));
  SM_TRY(wait_for_flock(fd.get(), how, path, deadline));
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
