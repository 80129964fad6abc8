// SPDX-License-Identifier: Apache-2.0
#include "base/directory.h"

namespace supermachine {

Result<std::vector<std::filesystem::path>> list_directory(const std::string& directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    paths.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error::from_errno("read " + directory, error.value());
  return paths;
}

}  // namespace supermachine
