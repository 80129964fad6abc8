// SPDX-License-Identifier: Apache-2.0
// Files whose names came from elsewhere, and which may turn out to be anything.
#pragma once

#include <string>

#include "base/handles.h"

namespace supermachine {

// Opens for reading. Never waits, whatever `path` leads to; kInvalidArgument for what is no regular
// file.
Result<UniqueFd> open_regular_file(const std::string& path);

// The same of `name` in the open `directory`. No symlink is followed, nor is there a way out.
Result<UniqueFd> open_regular_file_in(int directory, const std::string& name);

}  // namespace supermachine
