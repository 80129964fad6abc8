// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_options.h"

#include "cli/shared_arguments.h"
#include "cli/values.h"

namespace supermachine::cli {
namespace {

constexpr std::uint32_t kMaxRounds = 1'000'000;
constexpr std::uint32_t kMaxVms = 10'000;

Result<BenchOptions> read_options(Args args) {
  BenchOptions options;
  MachineArguments machine;
  std::string rounds;
  std::vector<std::string> vms;
  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // from the first argument after the image on, all is the command's
  machine.declare(app, options);
  app.add_flag("-h,--help", options.help);
  app.add_flag("--json", options.json);
  add_single(app, "--rounds", rounds);
  app.add_option("--vms", vms)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_option("image", options.image)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  SM_TRY(parse(app, args));
  if (options.help) return options;

  auto command = SM_TRY(command_of(app));
  if (!command.empty()) options.command = std::move(command);
  if (options.image.empty()) return usage_error("which image, or directory of a snapshot?");
  SM_TRY(machine.read(app, options));
  if (!rounds.empty()) options.rounds = SM_TRY(parse_count("--rounds", rounds, kMaxRounds));
  if (!vms.empty()) options.vms.clear();
  for (const std::string& text : vms) {
    options.vms.push_back(SM_TRY(parse_count("--vms", text, kMaxVms)));
  }
  return options;
}

}  // namespace

Result<BenchOptions> parse_bench_options(Args args) {
  return with_hint(read_options(args), "bench");
}

}  // namespace supermachine::cli
