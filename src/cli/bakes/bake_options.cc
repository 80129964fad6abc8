// SPDX-License-Identifier: Apache-2.0
#include "cli/bakes/bake_options.h"

#include "cli/bakes/help.h"
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
  Parser parser(kBakeHelp);
  machine.declare(parser, options);
  command_arguments.declare_environment(parser);
  parser.flag("--help", options.help);
  parser.flag("--json", options.json);
  parser.flag("--listener", options.listener);
  parser.value("--listener-timeout", listener_timeout);
  parser.value("--port", port);
  parser.value("--name", options.name);
  parser.value("--platform", options.platform);
  // The first one wins: the hand-over to the lab puts its own in front.
  parser.first_value("--pull", pull);
  parser.value("--warmup-tag", warmup_tag);
  parser.values("--warmup", options.warmups);
  parser.values("--file", files);
  parser.values("--kernel-arg", options.kernel_args);
  parser.argument("image", options.image);
  SM_TRY(parser.parse(args));
  if (options.help) return options;

  if (options.image.empty()) return usage_error("which image? for example nginx:1.27");
  SM_TRY(machine.read(parser, options));
  options.command = SM_TRY(parser.command());
  SM_TRY(command_arguments.read_environment(command));
  options.env = std::move(command.env);
  options.pull = SM_TRY(parse_pull_policy("--pull", pull));
  for (const std::string& text : files) options.files.push_back(SM_TRY(parse_file(text)));
  if (parser.given("--port"))
    options.port = static_cast<std::uint16_t>(SM_TRY(parse_count("--port", port, 65535)));
  if (parser.given("--listener-timeout"))
    options.listener_timeout = SM_TRY(parse_seconds("--listener-timeout", listener_timeout));
  if (parser.given("--warmup-tag")) options.warmup_tag = warmup_tag;
  if (options.warmup_tag && options.warmups.empty())
    return usage_error("--warmup-tag without --warmup");
  return options;
}

}  // namespace

Result<BakeVerbOptions> parse_bake_options(Args args) {
  return with_hint(read_options(args), "bake");
}

}  // namespace supermachine::cli
