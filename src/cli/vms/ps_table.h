// SPDX-License-Identifier: Apache-2.0
// What `ps` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/vms/store.h"

namespace supermachine::cli {

// "Up 3 minutes", "Exited (0) 2 hours ago"
std::string status_text(const VmEntry& entry, TimePoint at);

std::string ps_table(const std::vector<VmEntry>& entries, bool whole, TimePoint at);
std::string ps_json(const std::vector<VmEntry>& entries, TimePoint at);

}  // namespace supermachine::cli
