// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

#include <algorithm>

#include "cli/help/text.h"

namespace supermachine::cli {
namespace {

const Option* find_option(const VerbHelp& help, std::string_view name) {
  for (const OptionGroup& group : help.groups) {
    for (const Option& option : group.options) {
      if (std::ranges::count(option_names(option), name) != 0) return &option;
    }
  }
  return nullptr;
}

bool has_command(const VerbHelp& help) {
  return !help.arguments.empty() && help.arguments.back().value == Value::kCommand;
}

// As CLI11 wants them: "-m,--memory,--ram".
std::string all_names(const Option& option) {
  std::string all;
  for (const std::string& name : option_names(option)) all += (all.empty() ? "" : ",") + name;
  return all;
}

// The one place with try and catch: CLI11 has no other way to say that an argument is wrong.
Status parse_with(CLI::App& app, std::vector<std::string> reversed) {
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  return {};
}

}  // namespace

Error usage_error(std::string message) { return {Errc::kInvalidArgument, std::move(message)}; }

Error with_hint(Error error, const std::string& verb) {
  if (error.code() != Errc::kInvalidArgument) return error;
  return {error.code(), error.message() + "; see 'supermachine " + verb + " --help'"};
}

Parser::Parser(const VerbHelp& help) : help_(help) {
  app_.set_help_flag();
  // From the first argument behind those by position on, all is the command's.
  if (has_command(help)) app_.prefix_command();
}

const Option& Parser::bind(std::string_view name, bool with_value, bool repeats) {
  const Option* option = find_option(help_, name);
  SM_CHECK(option != nullptr);  // an option that the table does not have
  SM_CHECK(with_value == (*option->argument != '\0') && repeats == option->repeats);
  SM_CHECK(std::ranges::count(bound_, option) == 0);
  bound_.push_back(option);
  return *option;
}

void Parser::flag(std::string_view name, bool& given) {
  app_.add_flag(all_names(bind(name, false, false)), given);
}

void Parser::value(std::string_view name, std::string& value) {
  app_.add_option(all_names(bind(name, true, false)), value)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Parser::first_value(std::string_view name, std::string& value) {
  app_.add_option(all_names(bind(name, true, false)), value)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
}

void Parser::values(std::string_view name, std::vector<std::string>& values) {
  app_.add_option(all_names(bind(name, true, true)), values)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void Parser::optional_value(std::string_view name, const std::string& otherwise,
                            std::string& value) {
  const Option& option = bind(name, true, false);
  SM_CHECK(option.argument[0] == '[');
  app_.add_flag(all_names(option) + "{" + otherwise + "}", value)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Parser::argument(const char* name, std::string& value) {
  SM_CHECK(arguments_ < help_.arguments.size() && !help_.arguments[arguments_].repeats);
  ++arguments_;
  CLI::Option* option = app_.add_option(name, value);
  // What follows is the command's, not one more.
  if (has_command(help_)) option->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
}

void Parser::arguments(const char* name, std::vector<std::string>& values) {
  SM_CHECK(arguments_ < help_.arguments.size());
  ++arguments_;
  app_.add_option(name, values);
}

bool Parser::takes(std::string_view name) const { return find_option(help_, name) != nullptr; }

Status Parser::parse(Args args) {
  std::size_t described = 0;
  for (const OptionGroup& group : help_.groups) described += group.options.size();
  // What is bound is of the table, and only once.
  SM_CHECK(bound_.size() == described);
  SM_CHECK(arguments_ + (has_command(help_) ? 1 : 0) == help_.arguments.size());
  return parse_with(app_, std::vector<std::string>(args.rbegin(), args.rend()));
}

bool Parser::given(std::string_view name) const {
  return takes(name) && app_.count(std::string(name)) != 0;
}

Result<std::vector<std::string>> Parser::command() const {
  std::vector<std::string> rest = app_.remaining();
  if (rest.empty()) return rest;
  if (rest[0] == "--") {
    rest.erase(rest.begin());
  } else if (rest[0].size() > 1 && rest[0][0] == '-') {
    return usage_error("unknown option " + rest[0].substr(0, rest[0].find('=')));
  }
  return rest;
}

}  // namespace supermachine::cli
