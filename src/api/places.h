// SPDX-License-Identifier: Apache-2.0
// Where things are kept if nobody says otherwise.
#pragma once

#include <string>

#include "supermachine/result.h"

namespace supermachine {

// `dir`, or where ImportOptions::cache_dir says that the cache is; absolute. kNotFound when that is
// nowhere, kOs when it is relative to a working directory that is gone.
Result<std::string> cache_dir_or_default(const std::string& dir);

// The same for bakes.
Result<std::string> snapshots_dir_or_default(const std::string& dir);

}  // namespace supermachine
