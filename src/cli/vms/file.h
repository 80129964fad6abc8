// SPDX-License-Identifier: Apache-2.0
// Small files and locks for the command line, which sees nothing of the library but its public
// headers.
#pragma once

#include <string>
#include <string_view>

#include "cli/fd.h"
#include "supermachine/result.h"

namespace supermachine::cli {

// Follows no symlink at the path's end.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0600);

// kCorrupt for one that is longer.
Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes);

// All of it or nothing, readable by this user alone.
Status replace_file(const std::string& path, std::string_view bytes);

Status write_fully(int fd, std::string_view bytes);

enum class Lock { kShared, kExclusive };
// flock(2) without waiting; false when another holds it.
Result<bool> try_lock(int fd, Lock lock);

// A directory of this user's with mode 0700, which is made if it is missing. kInvalidArgument when
// something else is there, or others may write to it.
Status make_private_directory(const std::string& path);

}  // namespace supermachine::cli
