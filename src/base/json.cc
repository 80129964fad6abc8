// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

namespace supermachine {
namespace {

constexpr int kMaxDepth = 32;

// Brackets outside of strings; whether they match is the parser's business.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (text.size() > kMaxJsonBytes || is_too_deep(text)) {
    return Error(Errc::kCorrupt, std::string(what) + " is too large or too deep");
  }
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_structured()) {
    return Error(Errc::kCorrupt, std::string(what) + " is not valid JSON");
  }
  return value;
}

const Json* find_member(const Json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

std::string string_member(const Json& value, const char* key) {
  const Json* member = find_member(value, key);
  const auto* text = member == nullptr ? nullptr : member->get_ptr<const Json::string_t*>();
  return text == nullptr ? std::string() : *text;
}

std::vector<std::string> strings_member(const Json& value, const char* key) {
  std::vector<std::string> out;
  const Json* member = find_member(value, key);
  if (member == nullptr || !member->is_array()) return out;
  for (const Json& element : *member) {
    if (const auto* text = element.get_ptr<const Json::string_t*>()) out.push_back(*text);
  }
  return out;
}

std::map<std::string, std::string> string_map_member(const Json& value, const char* key) {
  std::map<std::string, std::string> out;
  const Json* member = find_member(value, key);
  if (member == nullptr || !member->is_object()) return out;
  for (auto entry = member->begin(); entry != member->end(); ++entry) {
    if (const auto* text = entry->get_ptr<const Json::string_t*>()) out.emplace(entry.key(), *text);
  }
  return out;
}

std::optional<std::uint64_t> number_member(const Json& value, const char* key) {
  const Json* member = find_member(value, key);
  const auto* number =
      member == nullptr ? nullptr : member->get_ptr<const Json::number_unsigned_t*>();
  return number == nullptr ? std::nullopt : std::optional<std::uint64_t>(*number);
}

std::vector<std::string> keys_member(const Json& value, const char* key) {
  std::vector<std::string> out;
  const Json* member = find_member(value, key);
  if (member == nullptr || !member->is_object()) return out;
  for (auto entry = member->begin(); entry != member->end(); ++entry) out.push_back(entry.key());
  return out;
}

}  // namespace supermachine
