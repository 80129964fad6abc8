// SPDX-License-Identifier: Apache-2.0
// A directory that takes another's place as a whole. Written beside it, under a name of its own and
// a lock that dies with its process, so that whoever comes next can clear up after a crash.
#pragma once

#include <cstdint>
#include <string>

#include "base/handles.h"

namespace supermachine::snapshot {

struct Removed {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // that they occupied
};

// With everything in it; what cannot be removed stays.
Removed remove_counted(const std::string& path);

class Staging {
 public:
  // Removes what dead writers of the same target left. kInvalidArgument when `target` exists and
  // holds anything but files of a snapshot.
  static Result<Staging> create(const std::string& target);
  Staging(Staging&& other) noexcept
      : target_(std::move(other.target_)),
        path_(std::exchange(other.path_, {})),
        directory_(std::move(other.directory_)) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging();  // without publish(): nothing is left behind

  // Removes what dead writers of whatever target in `directory` left.
  static Removed remove_dead_in(const std::string& directory);

  // Absolute, without symbolic links.
  [[nodiscard]] const std::string& target() const noexcept { return target_; }
  // Where a file of that name is to be written.
  [[nodiscard]] std::string path_of(const std::string& file) const { return path_ + "/" + file; }

  // Empty once published.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // The files must have been synced. The target is then the old one or the new one at any moment,
  // also if the machine dies; on a file system that cannot exchange directories, perhaps neither.
  Status publish();

 private:
  Staging(std::string target, std::string path, UniqueFd directory)
      : target_(std::move(target)), path_(std::move(path)), directory_(std::move(directory)) {}

  std::string target_;
  std::string path_;    // empty once published, or moved from
  UniqueFd directory_;  // locked
};

}  // namespace supermachine::snapshot
