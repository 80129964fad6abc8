// SPDX-License-Identifier: Apache-2.0
// Values as JSON has them (RFC 8259).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace supermachine::cli {

// A string. Bytes that are no ASCII pass unchanged.
std::string json_string(std::string_view text);
std::string json_strings(const std::vector<std::string>& texts);

}  // namespace supermachine::cli
