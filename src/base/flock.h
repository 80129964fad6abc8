// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/deadline.h"
#include "supermachine/result.h"

namespace supermachine {

// flock(2) with a deadline: `how` is LOCK_SH or LOCK_EX, `path` is for messages. kTimeout while
// another's lock stands against it.
Status wait_for_flock(int fd, int how, const std::string& path, Deadline deadline);

}  // namespace supermachine
