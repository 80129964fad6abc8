// SPDX-License-Identifier: Apache-2.0
// Tables for people.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace supermachine::cli {

using TableRow = std::vector<std::string>;

// Columns as wide as their widest cell; the first row is the head. All rows have as many cells.
std::string table_text(const std::vector<TableRow>& rows);

// "3 minutes"; whole units, as docker has them.
std::string human_duration(std::chrono::nanoseconds duration);

// Control characters, which would be obeyed by a terminal, become '?'.
std::string printable(std::string text);

}  // namespace supermachine::cli
