// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "supermachine/result.h"

namespace supermachine {

// What `directory` has, in no order; nothing when there is no such directory. All or an error: a
// `for` over a directory_iterator throws where reading breaks off, and who removes what nobody
// lists must not act on half a list.
Result<std::vector<std::filesystem::path>> list_directory(const std::string& directory);

}  // namespace supermachine
