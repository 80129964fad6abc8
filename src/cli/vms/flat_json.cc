// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/flat_json.h"

#include <charconv>

namespace supermachine::cli {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

Error damaged() { return {Errc::kCorrupt, "no JSON object of ours"}; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

}  // namespace

class FlatJsonParser {
 public:
  explicit FlatJsonParser(std::string_view text) : rest_(text) {}

  Result<FlatJson> run() {
    FlatJson json;
    if (!take('{')) return damaged();
    if (!take('}')) {
      do {
        std::string name = SM_TRY(string());
        if (!take(':')) return damaged();
        if (!json.members_.emplace(std::move(name), SM_TRY(value())).second) return damaged();
      } while (take(','));
      if (!take('}')) return damaged();
    }
    skip_space();
    if (!rest_.empty()) return damaged();
    return json;
  }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
  }

  bool take(char wanted) {
    skip_space();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  Result<FlatJson::Value> value() {
    skip_space();
    if (rest_.starts_with('"')) return FlatJson::Value(SM_TRY(string()));
    if (rest_.starts_with('[')) return FlatJson::Value(SM_TRY(strings()));
    if (take_word("true")) return FlatJson::Value(true);
    if (take_word("false")) return FlatJson::Value(false);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) return damaged();
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return FlatJson::Value(number);
  }

  Result<std::vector<std::string>> strings() {
    std::vector<std::string> all;
    if (!take('[')) return damaged();
    if (take(']')) return all;
    do {
      all.push_back(SM_TRY(string()));
    } while (take(','));
    if (!take(']')) return damaged();
    return all;
  }

  Result<std::string> string() {
    if (!take('"')) return damaged();
    std::string out;
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) return damaged();
      if (c == '\\') {
        SM_TRY(escape(out));
      } else {
        out += c;
      }
    }
    return damaged();
  }

  Status escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return damaged();
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (const std::size_t at = kLetters.find(c); at != std::string_view::npos) {
      out += kMeanings[at];
      return {};
    }
    if (c != 'u') return damaged();
    std::uint32_t code = SM_TRY(four_digits());
    if (code >= 0xdc00 && code < 0xe000) return damaged();
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take_word("\\u")) return damaged();
      const std::uint32_t low = SM_TRY(four_digits());
      if (low < 0xdc00 || low >= 0xe000) return damaged();
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return {};
  }

  Result<std::uint32_t> four_digits() {
    const std::string_view digits = rest_.substr(0, 4);
    std::uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || end != digits.data() + 4) return damaged();
    rest_.remove_prefix(4);
    return code;
  }

  std::string_view rest_;
};

Result<FlatJson> FlatJson::parse(std::string_view text) { return FlatJsonParser(text).run(); }

template <typename T>
std::optional<T> FlatJson::find(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) return std::nullopt;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) return std::nullopt;
  return *value;
}

std::optional<std::string> FlatJson::string(const std::string& name) const {
  return find<std::string>(name);
}
std::optional<std::int64_t> FlatJson::number(const std::string& name) const {
  return find<std::int64_t>(name);
}
std::optional<bool> FlatJson::boolean(const std::string& name) const { return find<bool>(name); }
std::optional<std::vector<std::string>> FlatJson::strings(const std::string& name) const {
  return find<std::vector<std::string>>(name);
}

}  // namespace supermachine::cli
