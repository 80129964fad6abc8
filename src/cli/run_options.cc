// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include "cli/run_help.h"
#include "cli/shared_arguments.h"
#include "cli/values.h"
#include "cli/vms/names.h"

namespace supermachine::cli {
namespace {

// What cannot be together with -d, and what only makes sense with it.
Status check_detached(const RunOptions& options) {
  if (!options.detach) {
    if (options.name.empty()) return {};
    return usage_error("--name is for VMs that run detached: add -d");
  }
  if (options.interactive || options.tty) {
    return usage_error(
        "a command that runs detached has no terminal and no input: leave out -i and -t, and use "
        "'supermachine exec -it' in the running VM");
  }
  if (options.console || options.timing || options.timeout) {
    return usage_error("--console, --timing and --timeout do not go with -d");
  }
  if (options.payload_file == "-") return usage_error("--payload - does not go with -d");
  if (options.name.empty() || is_valid_name(options.name)) return {};
  return usage_error(
      "--name takes letters, digits and _.- behind a letter or digit, two or more, "
      "not '" +
      options.name + "'");
}

Result<RunOptions> read_options(Args args) {
  RunOptions options;
  MachineArguments machine;
  CommandArguments command;
  Parser parser(kRunHelp);
  machine.declare(parser, options);
  command.declare(parser, options);
  parser.flag("--help", options.help);
  parser.flag("--interactive", options.interactive);
  parser.flag("--tty", options.tty);
  parser.flag("--console", options.console);
  parser.flag("--timing", options.timing);
  parser.flag("--detach", options.detach);
  parser.flag("--rm", options.remove);
  parser.value("--name", options.name);
  std::string stop_signal;
  parser.value("--stop-signal", stop_signal);
  bool no_bake = false;
  std::string pull = "missing";
  parser.flag("--no-bake", no_bake);
  // The first one wins: the hand-over to the lab puts its own in front.
  parser.first_value("--pull", pull);
  std::vector<std::string> published;
  parser.values("--publish", published);
  parser.value("--console-log", options.console_log);
  parser.value("--payload", options.payload_file);
  parser.argument("image", options.image);
  SM_TRY(parser.parse(args));
  if (options.help) return options;

  SM_TRY(command.read(parser, options));
  if (options.image.empty()) {
    return usage_error("which image? for example oci-archive:python.tar");
  }
  SM_TRY(machine.read(parser, options));
  if (options.interactive && options.payload_file == "-") {
    return usage_error("-i and --payload - both want standard input");
  }
  for (const std::string& text : published) {
    options.ports.push_back(SM_TRY(parse_published(text)));
  }
  options.pull = SM_TRY(parse_pull_policy("--pull", pull));
  // A restored VM has no boot to look at.
  options.bake = !no_bake && !options.console && options.console_log.empty();
  const bool has_command = !options.command.empty() || options.entrypoint.has_value();
  options.has_own_workload = options.detach ? has_command || !options.env.empty() ||
                                                  !options.workdir.empty() || !options.user.empty()
                                            : !has_command;
  if (parser.given("--stop-signal")) options.stop_signal = SM_TRY(parse_signal(stop_signal));
  SM_TRY(check_detached(options));
  return options;
}

}  // namespace

Result<RunOptions> parse_run_options(Args args) { return with_hint(read_options(args), "run"); }

}  // namespace supermachine::cli
