// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_options.h"

#include "cli/bench_help.h"
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
  Parser parser(kBenchHelp);
  machine.declare(parser, options);
  parser.flag("--help", options.help);
  parser.flag("--json", options.json);
  parser.value("--rounds", rounds);
  parser.values("--vms", vms);
  parser.argument("image", options.image);
  SM_TRY(parser.parse(args));
  if (options.help) return options;

  auto command = SM_TRY(parser.command());
  if (!command.empty()) options.command = std::move(command);
  if (options.image.empty()) return usage_error("which image, or directory of a snapshot?");
  SM_TRY(machine.read(parser, options));
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
