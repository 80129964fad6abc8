// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

namespace supermachine::cli {

Error usage_error(std::string message) { return {Errc::kInvalidArgument, std::move(message)}; }

Error with_hint(Error error, const std::string& verb) {
  if (error.code() != Errc::kInvalidArgument) return error;
  return {error.code(), error.message() + "; see 'supermachine " + verb + " --help'"};
}

// The one place with try and catch: CLI11 has no other way to say that an argument is wrong.
Status parse(CLI::App& app, Args args) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  return {};
}

}  // namespace supermachine::cli
