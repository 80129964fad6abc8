// SPDX-License-Identifier: Apache-2.0
// `supermachine run`: start an image or a snapshot, run one command, exit with its status.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/help/text.h"
#include "cli/run.h"
#include "cli/run_help.h"
#include "cli/timing.h"
#include "cli/values.h"
#include "cli/vms/detach.h"
#include "supermachine/vm.h"

namespace supermachine::cli {
namespace {

// In VMs of some images the command that would be started runs already.
Status check_workload(const RunOptions& options, const Image& image) {
  if (!image.runs_workload()) return {};
  if (options.detach && options.has_own_workload) {
    return Error(Errc::kInvalidArgument,
                 "in VMs of " + options.image +
                     " the workload runs already: its command, environment, directory and user "
                     "are those it was captured with");
  }
  if (options.detach || !options.command.empty() || options.entrypoint) return {};
  return Error(Errc::kInvalidArgument, "in VMs of " + options.image +
                                           " the workload runs already: use 'run -d', or say "
                                           "which COMMAND is to run beside it");
}

Status add_payload(const RunOptions& options, const Image& image, VmConfig& config) {
  if (options.payload_file.empty()) return {};
  if (!image.is_snapshot()) {
    return Error(Errc::kInvalidArgument,
                 "--payload is for VMs of a snapshot, which " + options.image + " is not");
  }
  config.with_payload(SM_TRY(read_payload(options.payload_file)));
  return config.check();
}

Result<RelayEnd> run_in(Vm& vm, const RunOptions& options, std::vector<std::string> argv,
                        Signals& signals) {
  auto end =
      run_command(describe(vm.exec_builder(), options, std::move(argv)),
                  {.interactive = options.interactive, .tty = options.tty}, options, signals);
  if (!end.ok()) return explain(std::move(end).error(), vm);
  return end;
}

Result<int> run_here(const RunOptions& options, RunPlan plan, Signals& signals, Timing& timing) {
  std::optional<ConsoleRelay> console;
  if (options.console || !options.console_log.empty()) {
    console.emplace(SM_TRY(ConsoleRelay::start(options.console, options.console_log)));
    plan.config.with_console_fd(console->fd());
  }
  const auto begin = Timing::Clock::now();
  RelayEnd end;
  {
    Vm vm = SM_TRY(start(*plan.prepared.image, plan.config));
    timing.add_start(begin, vm.timings());
    const std::vector<TcpForward> forwards = SM_TRY(publish(vm, options.ports));
    end = SM_TRY(run_in(vm, options, std::move(plan.argv), signals));
    timing.mark("exec done");
  }
  timing.mark("gone");
  return exit_status(end);
}

}  // namespace

Result<RunPlan> plan_run(const RunOptions& options, const std::function<void()>& on_image) {
  RunPlan plan;
  plan.config = SM_TRY(machine_config(options));
  plan.prepared = SM_TRY(prepare(options.image, options, [&](const ImageConfig& image) -> Status {
    if (plan.argv.empty()) on_image();
    plan.argv = SM_TRY(compose_command(image, options, options.image));
    return {};
  }));
  if (plan.prepared.engine.in_lab) return plan;
  const Image& image = *plan.prepared.image;
  SM_TRY(check_workload(options, image));
  if (!image.is_snapshot()) plan.config.with_assets(plan.prepared.assets);
  SM_TRY(add_payload(options, image, plan.config));
  return plan;
}

Result<int> run_verb(Args args) {
  Timing timing;
  const RunOptions options = SM_TRY(parse_run_options(args));
  if (options.help) return print_help(kRunHelp);
  if (options.tty && ::isatty(STDIN_FILENO) != 1) {
    return Error(Errc::kInvalidArgument,
                 "the input device is not a TTY: leave out -t, or run this from a terminal");
  }
  SM_TRY(machine_config(options));
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  RunPlan plan = SM_TRY(plan_run(options, [&] { timing.mark("image ready"); }));
  if (options.detach) return detach(options, plan.prepared.engine, args);
  if (plan.prepared.engine.in_lab) {
    ending.reset();
    const bool pulled = plan.prepared.image.has_value();  // and no snapshot
    return hand_over(plan.prepared.engine, options, signals, "run", args,
                     pulled ? ImageIs::kPulled : ImageIs::kOfNoConcern);
  }
  SM_TRY(check_free(options.ports));
  ending.reset();
  auto status = run_here(options, std::move(plan), signals, timing);
  if (options.timing && status.ok()) timing.print();
  return status;
}

}  // namespace supermachine::cli
