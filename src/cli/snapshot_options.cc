// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot_options.h"

#include <algorithm>
#include <string_view>

#include "cli/shared_arguments.h"
#include "cli/snapshot_help.h"
#include "cli/values.h"

namespace supermachine::cli {
namespace {

// "IMAGE -- COMMAND" lacks the directory, for which CLI11 takes the first word of the command.
bool is_of_command(const std::string& directory, Args args) {
  const auto separator = std::ranges::find(args, std::string_view("--"));
  return separator != args.end() && separator + 1 != args.end() && separator[1] == directory;
}

Result<SnapshotVerbOptions> read_options(Args args) {
  SnapshotVerbOptions options;
  MachineArguments machine;
  CommandArguments command;
  std::string wait_ready;
  Parser parser(kSnapshotHelp);
  machine.declare(parser, options);
  command.declare(parser, options);
  parser.flag("--help", options.help);
  parser.flag("--diff", options.diff);
  parser.flag("--include-rootfs", options.include_rootfs);
  parser.flag("--drop-caches", options.drop_caches);
  parser.flag("--no-rehearsal", options.no_rehearsal);
  parser.optional_value("--wait-ready", "60", wait_ready);
  parser.flag("--timing", options.timing);
  parser.argument("image", options.image);
  parser.argument("directory", options.directory);
  SM_TRY(parser.parse(args));
  if (options.help) return options;

  if (options.image.empty()) {
    return usage_error("which image? for example oci-archive:python.tar");
  }
  if (options.directory.empty() || is_of_command(options.directory, args)) {
    return usage_error("into which directory?");
  }
  SM_TRY(command.read(parser, options));
  SM_TRY(machine.read(parser, options));
  if (parser.given("--wait-ready")) {
    options.wait_ready = SM_TRY(parse_seconds("--wait-ready", wait_ready));
  }
  if (options.entrypoint && options.command.empty() && options.entrypoint->empty()) {
    return usage_error("an empty --entrypoint without a COMMAND runs nothing");
  }
  return options;
}

}  // namespace

Result<SnapshotVerbOptions> parse_snapshot_options(Args args) {
  return with_hint(read_options(args), "snapshot");
}

}  // namespace supermachine::cli
