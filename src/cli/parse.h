// SPDX-License-Identifier: Apache-2.0
// Arguments, read as a verb's table has them: CLI11 behind Result and behind that table.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/help/table.h"
#include "cli/verbs.h"

namespace supermachine::cli {

// The options and arguments of one verb, each bound to a variable that must not move before
// parse(). That exactly those of the table are bound, a flag where it has no argument, is checked
// whenever it parses: a table that lies is a bug.
class Parser {
 public:
  // `help` must outlive this.
  explicit Parser(const VerbHelp& help);

  // By any of its names in the table, such as "--memory".
  void flag(std::string_view name, bool& given);
  // With a value; of an option that is given several times, the last one counts.
  void value(std::string_view name, std::string& value);
  void first_value(std::string_view name, std::string& value);           // the first one
  void values(std::string_view name, std::vector<std::string>& values);  // each
  // "--name" alone gives `otherwise`; a value comes behind "=".
  void optional_value(std::string_view name, const std::string& otherwise, std::string& value);

  // By position; the name is for errors.
  void argument(const char* name, std::string& value);
  void arguments(const char* name, std::vector<std::string>& values);

  // Whether the table has such an option: of those that verbs have in common, not all have each.
  [[nodiscard]] bool takes(std::string_view name) const;

  // kInvalidArgument for what the table does not have.
  Status parse(Args args);

  // Once it has parsed.
  [[nodiscard]] bool given(std::string_view name) const;
  // What is left over when the rest has taken what it knows, if the verb runs a command: this,
  // perhaps behind a "--"; or an option that nobody knows, which is an error.
  [[nodiscard]] Result<std::vector<std::string>> command() const;

 private:
  const Option& bind(std::string_view name, bool with_value, bool repeats);

  const VerbHelp& help_;
  CLI::App app_;
  std::vector<const Option*> bound_;
  std::size_t arguments_ = 0;
};

// The error of a wrong use.
Error usage_error(std::string message);

// Adds to such an error where help is to be found: "MESSAGE; see 'supermachine VERB --help'".
Error with_hint(Error error, const std::string& verb);
template <typename T>
Result<T> with_hint(Result<T> result, const std::string& verb) {
  if (result.ok()) return result;
  return with_hint(std::move(result).error(), verb);
}

}  // namespace supermachine::cli
