// SPDX-License-Identifier: Apache-2.0
#include "base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/sys.h"

namespace supermachine {
namespace {

// Non-blocking, so that a pipe does not hold us up: it is refused by what it is.
constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

Result<UniqueFd> if_regular(UniqueFd fd, const std::string& name) {
  if (S_ISREG(SM_TRY(sys::file_status(fd.get())).st_mode)) return fd;
  return Error(Errc::kInvalidArgument, name + " is no regular file");
}

}  // namespace

Result<UniqueFd> open_regular_file(const std::string& path) {
  return if_regular(SM_TRY(sys::open(path, kFlags)), path);
}

Result<UniqueFd> open_regular_file_in(int directory, const std::string& name) {
  return if_regular(SM_TRY(sys::open_beneath(directory, name, kFlags | O_NOFOLLOW)), name);
}

}  // namespace supermachine
