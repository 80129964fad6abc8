#include "cli/parse.h"

namespace supermachine::cli {

Error usage_error(const std::string& message, const std::string& verb) {
  return {Errc::kInvalidArgument, message + "; see 'supermachine " + verb + " --help'"};
}

// The one place with try and catch: CLI11 has no other way to say that an argument is wrong.
Status parse(CLI::App& app, Args args, const std::string& verb) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), verb);
  }
  return {};
}

}  // namespace supermachine::cli
