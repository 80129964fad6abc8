// SPDX-License-Identifier: Apache-2.0
#include "cli/bakes/bake_options.h"

#include "cli/shared_arguments.h"
#include "cli/values.h"

namespace supermachine::cli {
namespace {

Result<std::pair<std::string, std::string>> parse_file(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size() ||
      text[colon + 1] != '/') {
    return usage_error("--file is HOST-PATH:/GUEST-PATH, not '" + text + "'");
  }
  return std::pair(text.substr(0, colon), text.substr(colon + 1));
}

Result<BakeVerbOptions> read_options(Args args) {
  BakeVerbOptions options;
  MachineArguments machine;
  CommandOptions command;
  CommandArguments command_arguments;
  std::vector<std::string> files;
  std::string pull = "missing";
  std::string port;
  std::string listener_timeout;
  std::string warmup_tag;
  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // from the first argument after the image on, all is the workload's
  machine.declare(app, options);
  command_arguments.declare_environment(app);
  app.add_flag("-h,--help", options.help);
  app.add_flag("--json", options.json);
  app.add_flag("--listener", options.listener);
  add_single(app, "--listener-timeout", listener_timeout);
  add_single(app, "--port", port);
  add_single(app, "--name", options.name);
  add_single(app, "--platform", options.platform);
  add_single(app, "--pull", pull);
  add_single(app, "--warmup-tag", warmup_tag);
  add_each(app, "--warmup", options.warmups);
  add_each(app, "--file", files);
  add_each(app, "--kernel-arg", options.kernel_args);
  app.add_option("image", options.image)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  SM_TRY(parse(app, args));
  if (options.help) return options;

  if (options.image.empty()) return usage_error("which image? for example nginx:1.27");
  SM_TRY(machine.read(app, options));
  options.command = SM_TRY(command_of(app));
  SM_TRY(command_arguments.read_environment(command));
  options.env = std::move(command.env);
  options.pull = SM_TRY(parse_pull_policy("--pull", pull));
  for (const std::string& text : files) options.files.push_back(SM_TRY(parse_file(text)));
  if (app.count("--port") != 0)
    options.port = static_cast<std::uint16_t>(SM_TRY(parse_count("--port", port, 65535)));
  if (app.count("--listener-timeout") != 0)
    options.listener_timeout = SM_TRY(parse_seconds("--listener-timeout", listener_timeout));
  if (app.count("--warmup-tag") != 0) options.warmup_tag = warmup_tag;
  if (options.warmup_tag && options.warmups.empty())
    return usage_error("--warmup-tag without --warmup");
  return options;
}

}  // namespace

Result<BakeVerbOptions> parse_bake_options(Args args) {
  return with_hint(read_options(args), "bake");
}

}  // namespace supermachine::cli
