// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

namespace supermachine::cli {

Result<std::vector<std::string>> compose_command(const ImageConfig& image,
                                                 const CommandOptions& options,
                                                 const std::string& reference) {
  std::vector<std::string> argv;
  if (!options.entrypoint) {
    argv = image.entrypoint;
  } else if (!options.entrypoint->empty()) {
    argv.push_back(*options.entrypoint);
  }
  const bool images_own = options.command.empty() && !options.entrypoint;
  const std::vector<std::string>& arguments = images_own ? image.cmd : options.command;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  if (!argv.empty()) return argv;
  return Error(Errc::kInvalidArgument,
               reference + " names no command of its own: give one, as in 'supermachine run " +
                   reference + " -- COMMAND'");
}

}  // namespace supermachine::cli
