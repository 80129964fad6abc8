// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot_options.h"

#include <algorithm>
#include <string_view>

#include "cli/shared_arguments.h"
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
  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // from the first argument after the directory on, all is the command's
  machine.declare(app, options);
  command.declare(app, options);
  app.add_flag("-h,--help", options.help);
  app.add_flag("--diff", options.diff);
  app.add_flag("--include-rootfs", options.include_rootfs);
  app.add_flag("--drop-caches", options.drop_caches);
  app.add_flag("--no-rehearsal", options.no_rehearsal);
  app.add_flag("--wait-ready{60}", wait_ready)  // or --wait-ready=SECONDS
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("--timing", options.timing);
  app.add_option("image", options.image)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  app.add_option("directory", options.directory)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  SM_TRY(parse(app, args));
  if (options.help) return options;

  if (options.image.empty()) {
    return usage_error("which image? for example oci-archive:python.tar");
  }
  if (options.directory.empty() || is_of_command(options.directory, args)) {
    return usage_error("into which directory?");
  }
  SM_TRY(command.read(app, options));
  SM_TRY(machine.read(app, options));
  if (app.count("--wait-ready") != 0) {
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
