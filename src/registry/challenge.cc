// SPDX-License-Identifier: Apache-2.0
#include "registry/challenge.h"

#include <algorithm>

namespace supermachine::registry {
namespace {

constexpr std::size_t kMaxBytes = 8192;
constexpr std::size_t kMaxChallenges = 8;
constexpr std::size_t kMaxParameters = 16;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_token_char(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token68_char(char c) {
  return is_alnum(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] bool is_next(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!is_next(c)) return false;
    ++at_;
    return true;
  }
  bool skip_space() {
    const std::size_t before = at_;
    while (is_next(' ') || is_next('\t')) ++at_;
    return at_ != before;
  }
  std::string token() { return take_while(is_token_char); }  // in lower case
  std::string value_token() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_token_char(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool quoted(std::string& out) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"') return true;
      if (c == '\\') {
        if (at_ == text_.size()) return false;
        c = text_[at_++];
      }
      const auto code = static_cast<unsigned char>(c);
      if ((code < 0x20 && c != '\t') || code == 0x7f) return false;
      out += c;
    }
    return false;
  }
  // One parameter, or nothing of the text is taken.
  bool parameter(std::string& name, std::string& value) {
    const std::size_t before = at_;
    name = token();
    skip_space();
    if (!name.empty() && take('=')) {
      skip_space();
      value.clear();
      if (is_next('"') ? quoted(value) : !(value = value_token()).empty()) return true;
    }
    at_ = before;
    return false;
  }
  // "Negotiate abc==": not a parameter.
  bool token68() {
    const std::size_t before = at_;
    if (take_while(is_token68_char).empty()) return false;
    while (take('=')) {
    }
    const std::size_t end = at_;
    skip_space();
    if (at_end() || is_next(',')) {
      at_ = end;
      return true;
    }
    at_ = before;
    return false;
  }

 private:
  template <typename Is>
  std::string take_while(Is is) {
    std::string out;
    for (; at_ < text_.size() && is(text_[at_]); ++at_) {
      const char c = text_[at_];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Error malformed() { return {Errc::kCorrupt, "a malformed WWW-Authenticate header"}; }

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

Result<std::vector<Challenge>> parse_challenges(std::string_view field) {
  if (field.size() > kMaxBytes) return malformed();
  std::vector<Challenge> out;
  Reader reader(field);
  for (;;) {
    // Empty elements of a list are allowed (RFC 9110, 5.6.1.2).
    while (reader.skip_space() || reader.take(',')) {
    }
    if (reader.at_end()) return out;
    std::string name;
    std::string value;
    // A parameter belongs to the challenge before it.
    if (!out.empty() && reader.parameter(name, value)) {
      auto& parameters = out.back().parameters;
      if (parameters.size() >= kMaxParameters || !parameters.emplace(name, value).second) {
        return malformed();
      }
    } else {
      Challenge challenge{reader.token(), {}};
      if (challenge.scheme.empty() || out.size() >= kMaxChallenges) return malformed();
      const bool has_space = reader.skip_space();
      if (!has_space && !reader.at_end() && !reader.is_next(',')) return malformed();
      out.push_back(std::move(challenge));
      if (reader.at_end() || reader.is_next(',')) continue;
      if (reader.parameter(name, value)) {
        out.back().parameters.emplace(name, value);
      } else if (!reader.token68()) {
        return malformed();
      }
    }
    reader.skip_space();
    if (!reader.at_end() && !reader.is_next(',')) return malformed();
  }
}

}  // namespace supermachine::registry
