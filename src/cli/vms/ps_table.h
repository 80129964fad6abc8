// What `ps` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/vms/store.h"

namespace supermachine::cli {

// "3 minutes"; whole units, as docker has them.
std::string human_duration(std::chrono::nanoseconds duration);

// "Up 3 minutes", "Exited (0) 2 hours ago"
std::string status_text(const VmEntry& entry, TimePoint at);

// Control characters, which would be obeyed by a terminal, become '?'.
std::string printable(std::string text);

std::string ps_table(const std::vector<VmEntry>& entries, bool whole, TimePoint at);
std::string ps_json(const std::vector<VmEntry>& entries, TimePoint at);

}  // namespace supermachine::cli
