// SPDX-License-Identifier: Apache-2.0
// The root file systems in the cache: where they lie, and how one is kept while it is needed.
#pragma once

#include <string>

#include "base/deadline.h"
#include "base/handles.h"

namespace supermachine::bake {

inline constexpr const char* kRootfsSuffix = ".squashfs";
inline constexpr const char* kRootfsLockSuffix = ".lock";

[[nodiscard]] std::string rootfs_directory(const std::string& cache_dir);

// flock(2) on the file itself, which is only read. Released with the owner.
class [[nodiscard]] RootfsHold {
 public:
  // Keeps it from prune_images(). kNotFound when it is gone, kTimeout while that looks at it.
  static Result<RootfsHold> take(const std::string& path, Deadline deadline);
  // Of one that nobody keeps, to remove it; kTimeout otherwise.
  static Result<RootfsHold> take_alone(const std::string& path);

 private:
  explicit RootfsHold(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<RootfsHold> acquire(const std::string& path, int how, Deadline deadline);
  UniqueFd fd_;
};

}  // namespace supermachine::bake
