// SPDX-License-Identifier: Apache-2.0
// Reads JSON as we write it ourselves: one object whose members are strings, whole numbers,
// booleans or arrays of strings. Whatever is deeper or damaged is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::cli {

class FlatJson {
 public:
  // kCorrupt for anything else than one such object. Bytes that are no ASCII pass unchanged.
  static Result<FlatJson> parse(std::string_view text);

  [[nodiscard]] bool has(const std::string& name) const { return members_.contains(name); }
  // Each gives nothing when the member is absent or of another type.
  [[nodiscard]] std::optional<std::string> string(const std::string& name) const;
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& name) const;
  [[nodiscard]] std::optional<bool> boolean(const std::string& name) const;
  [[nodiscard]] std::optional<std::vector<std::string>> strings(const std::string& name) const;

 private:
  using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
  friend class FlatJsonParser;
  template <typename T>
  [[nodiscard]] std::optional<T> find(const std::string& name) const;
  std::map<std::string, Value> members_;
};

}  // namespace supermachine::cli
