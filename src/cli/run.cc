// `supermachine run`: boot an image, run one command, exit with its status.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/engine.h"
#include "cli/relay.h"
#include "cli/run_help.h"
#include "cli/timing.h"
#include "supermachine/vm.h"

namespace supermachine::cli {
namespace {

constexpr int kTimedOut = 124;  // as timeout(1) has it
constexpr auto kTimeoutGrace = std::chrono::seconds(10);
constexpr auto kLastWordsWait = std::chrono::milliseconds(500);

Result<Image> open_image(const RunOptions& options) {
  ImportOptions import;
  if (!options.quiet && ::isatty(STDERR_FILENO) == 1) {
    import.progress = [](std::string_view doing) { say(std::string(doing));
  };
}
return Image::from_oci(options.image, import);
}  // namespace

VmConfig machine_of(const RunOptions& options) {
  VmConfig config;
  if (options.memory_mib) config.with_memory_mib(*options.memory_mib);
  if (options.vcpus) config.with_vcpus(*options.vcpus);
  if (!options.hostname.empty()) config.with_hostname(options.hostname);
  if (options.boot_timeout) config.with_boot_timeout(*options.boot_timeout);
  return config;
}

ExecBuilder describe(const Vm& vm, const RunOptions& options, std::vector<std::string> argv) {
  ExecBuilder builder = vm.exec_builder();
  builder.argv(std::move(argv)).tty(options.tty).with_stdin(options.interactive);
  for (const auto& [name, value] : options.env) builder.env(name, value);
  if (!options.workdir.empty()) builder.cwd(options.workdir);
  if (!options.user.empty()) builder.user(options.user);
  if (options.timeout) builder.timeout(*options.timeout);
  if (const auto size = window_size(); options.tty && size) {
    builder.winsize(size->rows, size->cols);
  }
  return builder;
}

// The connection to a command breaks when its VM ends: that is what has to be said.
Error explain(Error error, Vm& vm) {
  if (error.code() != Errc::kGuestFault) return error;
  const auto end = vm.wait(kLastWordsWait);
  if (!end) return error;
  return {Errc::kGuestFault, "the VM ended before the command did: " + end->message};
}

Result<RelayEnd> run_command(Vm& vm, const RunOptions& options, ExecBuilder command,
                             Signals& signals) {
  auto child = command.spawn();
  if (!child.ok()) return explain(std::move(child).error(), vm);
  std::optional<RawTerminal> raw;
  if (options.tty && options.interactive) raw.emplace(SM_TRY(RawTerminal::enter()));
  RelayConfig config{.interactive = options.interactive, .tty = options.tty};
  if (options.timeout) config.limit = *options.timeout + kTimeoutGrace;
  auto end = Relay(child.value(), signals, config).run();
  raw.reset();  // before anything is said
  if (!end.ok()) return explain(std::move(end).error(), vm);
  return end;
}

// Signals that come before there is a command end the start.
Result<Vm> boot(const Image& image, const VmConfig& config) {
  const EndOnSignal ending = SM_TRY(EndOnSignal::create());
  return image.start(config);
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
    Vm vm = SM_TRY(boot(image, config));
    timing.add_start(begin, vm.timings());
    end = SM_TRY(run_command(vm, options, describe(vm, options, std::move(argv)), signals));
    timing.mark("exec done");
  }
  timing.mark("gone");
  if (end.timed_out) {
    say("the command was ended: it took longer than --timeout allows");
    return kTimedOut;
  }
  return end.status;
}

}  // namespace supermachine::cli

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
  VmConfig config = machine_of(options);
  SM_TRY(config.check());
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  const Image image = SM_TRY(open_image(options));
  timing.mark("image ready");
  std::vector<std::string> argv = SM_TRY(compose_command(image.config(), options));
  config.with_assets(SM_TRY(AssetPaths::discover()));
  const EngineChoice engine = SM_TRY(choose_engine(options.engine));
  ending.reset();
  if (engine.in_lab) {
    if (!options.quiet && !engine.reason.empty()) say(engine.reason);
    signals.restore();
    return enter_lab(engine.lab, args);
  }
  auto status = run_here(options, image, std::move(config), std::move(argv), signals, timing);
  if (options.timing && status.ok()) timing.print();
  return status;
}

}  // namespace supermachine::cli
