// `supermachine run`: start an image or a snapshot, run one command, exit with its status.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/run_help.h"
#include "cli/run_options.h"
#include "cli/start.h"
#include "cli/timing.h"
#include "cli/values.h"
#include "supermachine/vm.h"

namespace supermachine::cli {
namespace {

constexpr int kTimedOut = 124;  // as timeout(1) has it

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
  ExecBuilder command = describe(vm, options, std::move(argv));
  command.tty(options.tty).with_stdin(options.interactive);
  if (const auto size = window_size(); options.tty && size) {
    command.winsize(size->rows, size->cols);
  }
  return run_command(vm, command, {.interactive = options.interactive, .tty = options.tty}, options,
                     signals);
}

Result<int> run_here(const RunOptions& options, const Image& image, VmConfig config,
                     std::vector<std::string> argv, Signals& signals, Timing& timing) {
  std::optional<ConsoleRelay> console;
  if (options.console || !options.console_log.empty()) {
    console.emplace(SM_TRY(ConsoleRelay::start(options.console, options.console_log)));
    config.with_console_fd(console->fd());
  }
  const auto begin = Timing::Clock::now();
  RelayEnd end;
  {
    Vm vm = SM_TRY(start(image, config));
    timing.add_start(begin, vm.timings());
    end = SM_TRY(run_in(vm, options, std::move(argv), signals));
    timing.mark("exec done");
  }
  timing.mark("gone");
  if (end.timed_out) {
    say("the command was ended: it took longer than --timeout allows");
    return kTimedOut;
  }
  return end.status;
}

}  // namespace

Result<int> run_verb(Args args) {
  Timing timing;
  const RunOptions options = SM_TRY(parse_run_options(args));
  if (options.help) {
    std::fputs(kRunHelp, stdout);
    return 0;
  }
  if (options.tty && ::isatty(STDIN_FILENO) != 1) {
    return Error(Errc::kInvalidArgument,
                 "the input device is not a TTY: leave out -t, or run this from a terminal");
  }
  VmConfig config = SM_TRY(machine_config(options));
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  std::vector<std::string> argv;
  const Prepared prepared =
      SM_TRY(prepare(options.image, options, [&](const ImageConfig& image) -> Status {
        timing.mark("image ready");
        argv = SM_TRY(compose_command(image, options, options.image));
        return {};
      }));
  if (prepared.engine.in_lab) {
    ending.reset();
    return hand_over(prepared.engine, options, signals, "run", args);
  }
  const Image& image = *prepared.image;
  if (!image.is_snapshot()) config.with_assets(prepared.assets);
  SM_TRY(add_payload(options, image, config));
  ending.reset();
  auto status = run_here(options, image, std::move(config), std::move(argv), signals, timing);
  if (options.timing && status.ok()) timing.print();
  return status;
}

}  // namespace supermachine::cli
