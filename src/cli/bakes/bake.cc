// SPDX-License-Identifier: Apache-2.0
// `supermachine bake`: boot an image once, keep it for others to start from.
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "cli/bakes/bake_options.h"
#include "cli/bakes/help.h"
#include "cli/help/text.h"
#include "cli/json_text.h"
#include "cli/progress_display.h"
#include "cli/start.h"
#include "cli/table.h"
#include "supermachine/image_builder.h"

namespace supermachine::cli {
namespace {

constexpr auto kWarmupLimit = std::chrono::minutes(30);

Status run_warmups(Vm& vm, const std::vector<std::string>& scripts) {
  for (const std::string& script : scripts) {
    const ExecOutcome outcome =
        SM_TRY(vm.exec_builder().argv({"sh", "-c", script}).timeout(kWarmupLimit).output());
    if (outcome.success()) continue;
    std::string message = "'" + script + "' ended with status " + std::to_string(outcome.status);
    std::string said = outcome.stderr;
    while (said.ends_with('\n')) said.pop_back();
    if (!said.empty()) message += ": " + printable(said.substr(said.rfind('\n') + 1));
    return Error(Errc::kGuestFault, std::move(message));
  }
  return {};
}

OciImageBuilder describe(const BakeVerbOptions& options) {
  OciImageBuilder builder = Image::builder(options.image);
  if (!options.name.empty()) builder.with_name(options.name);
  builder.with_platform(options.platform).with_pull_policy(options.pull);
  if (options.memory_mib) builder.with_memory_mib(*options.memory_mib);
  if (options.vcpus) builder.with_vcpus(*options.vcpus);
  if (options.boot_timeout) builder.with_boot_timeout(*options.boot_timeout);
  if (!options.command.empty()) builder.with_cmd(options.command);
  for (const auto& [name, value] : options.env) builder.with_env(name, value);
  for (const auto& [host, guest] : options.files) builder.with_extra_file(host, guest);
  for (const std::string& word : options.kernel_args) builder.with_extra_kernel_arg(word);
  if (options.listener) builder.with_listener_required();
  if (options.port) builder.with_guest_port(*options.port);
  if (options.listener_timeout) builder.with_listener_timeout(*options.listener_timeout);
  if (!options.warmups.empty()) {
    const auto join = [](std::string all, const std::string& one) { return all + one + "\n"; };
    builder.with_warmup([scripts = options.warmups](Vm& vm) { return run_warmups(vm, scripts); })
        .with_warmup_tag(options.warmup_tag.value_or(
            std::accumulate(options.warmups.begin(), options.warmups.end(), std::string(), join)));
  }
  return builder;
}

void report(const Image& image, bool as_json) {
  const std::string directory = image.snapshot_directory();
  const std::string name = std::filesystem::path(directory).filename();
  if (as_json) {
    std::printf("{\"name\":%s,\"directory\":%s}\n", json_string(name).c_str(),
                json_string(directory).c_str());
  } else {
    std::printf("%s\n", name.c_str());
  }
}

}  // namespace

Result<int> bake_verb(Args args) {
  const BakeVerbOptions options = SM_TRY(parse_bake_options(args));
  if (options.help) return print_help(kBakeHelp);
  SM_TRY(machine_config(options));
  if (names_snapshot(options.image))
    return Error(Errc::kInvalidArgument, options.image + " is a snapshot already");
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  const EngineChoice engine = SM_TRY(choose_engine(options.engine));
  if (engine.in_lab) {
    ProgressDisplay display(choose_progress_style(options.quiet, options.json, true));
    SM_TRY(Image::from_oci(options.image, {.pull_policy = options.pull,
                                           .platform = options.platform,
                                           .progress = display.callback()}));
    ending.reset();
    return hand_over(engine, options, signals, "bake", args, ImageIs::kPulled);
  }
  std::optional<Image> image;
  {
    ProgressDisplay display(choose_progress_style(options.quiet, options.json, true));
    image = SM_TRY(describe(options).with_progress(display.callback()).build());
  }
  report(*image, options.json);
  return 0;
}

}  // namespace supermachine::cli
