// SPDX-License-Identifier: Apache-2.0
// What VMs are called, by docker's rules: an id of 64 hex digits, of which 12 are shown, and a
// name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::cli {

inline constexpr std::size_t kIdLength = 64;
inline constexpr std::size_t kShortIdLength = 12;

Result<std::string> random_id();
[[nodiscard]] std::string short_id(std::string_view id);
[[nodiscard]] bool is_hex(std::string_view text);  // lower case, at least one digit

// A letter or digit, then letters, digits and _.-; at most 128.
[[nodiscard]] bool is_valid_name(std::string_view name);

// One that `taken` does not know: two words, with a number where all those tried are taken.
Result<std::string> random_name(const std::function<bool(const std::string&)>& taken);

}  // namespace supermachine::cli
