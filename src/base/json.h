// SPDX-License-Identifier: Apache-2.0
// JSON from strangers: size and depth are bounded before parsing, and every access says what it
// wants and gets nothing if that isn't there. nlohmann::json is used only through this header, with
// its exceptions off.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxJsonBytes = std::size_t{4} << 20;

// kCorrupt, naming `what`, unless `text` is an object or an array.
Result<Json> parse_json(std::string_view text, std::string_view what);

// The member `key` of an object; nullptr when `value` is no object, or has none or null there.
const Json* find_member(const Json& value, const char* key);

// Absent, null or of another type: the empty value.
std::string string_member(const Json& value, const char* key);
std::vector<std::string> strings_member(const Json& value, const char* key);
std::map<std::string, std::string> string_map_member(const Json& value, const char* key);
std::optional<std::uint64_t> number_member(const Json& value, const char* key);
// The keys of an object, such as ExposedPorts.
std::vector<std::string> keys_member(const Json& value, const char* key);

}  // namespace supermachine
