// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/options.h"

#include <charconv>

#include "cli/shared_arguments.h"
#include "cli/values.h"
#include "cli/vms/help.h"

namespace supermachine::cli {
namespace {

constexpr std::uint32_t kMaxTail = 1U << 30;

// What all of these verbs have: VMs by name, and where they are.
class VmArguments {
 public:
  VmArguments(Parser& parser, VmVerbOptions& options, std::vector<std::string>& vms)
      : options_(options), vms_(vms) {
    parser.flag("--help", options.help);
    engine_.declare(parser);
    parser.arguments("vms", vms);
  }

  // `max` is 1 or more.
  Status read(const Parser& parser, std::size_t max) const {
    if (options_.help) return {};
    options_.engine = SM_TRY(engine_.read(parser));
    if (vms_.empty()) return usage_error("which VM? 'supermachine ps' lists them");
    if (vms_.size() > max)
      return usage_error("one VM is all it takes, '" + vms_[1] + "' is one more");
    return {};
  }

 private:
  VmVerbOptions& options_;
  std::vector<std::string>& vms_;
  EngineArgument engine_;
};

constexpr std::size_t kMany = SIZE_MAX;

Result<PsOptions> read_ps(Args args) {
  PsOptions options;
  EngineArgument engine;
  Parser parser(kPsHelp);
  parser.flag("--help", options.help);
  parser.flag("--all", options.all);
  parser.flag("--quiet", options.ids_only);
  parser.flag("--json", options.json);
  parser.flag("--no-trunc", options.whole_ids);
  engine.declare(parser);
  SM_TRY(parser.parse(args));
  options.engine = SM_TRY(engine.read(parser));
  return options;
}

Result<ExecOptions> read_exec(Args args) {
  ExecOptions options;
  CommandArguments command;
  EngineArgument engine;
  Parser parser(kExecHelp);
  parser.flag("--help", options.help);
  parser.flag("--detach", options.detach);
  parser.flag("--interactive", options.interactive);
  parser.flag("--tty", options.tty);
  command.declare(parser, options);
  engine.declare(parser);
  parser.argument("vm", options.vm);
  SM_TRY(parser.parse(args));
  if (options.help) return options;
  SM_TRY(command.read(parser, options));
  options.engine = SM_TRY(engine.read(parser));
  if (options.vm.empty()) return usage_error("in which VM? 'supermachine ps' lists them");
  if (options.command.empty()) return usage_error("which command?");
  if (options.detach && (options.interactive || options.tty)) {
    return usage_error(
        "a command that runs detached has no terminal and no input: leave out -i and -t");
  }
  return options;
}

Result<LogsOptions> read_logs(Args args) {
  LogsOptions options;
  std::vector<std::string> vms;
  std::string tail;
  std::string since;
  Parser parser(kLogsHelp);
  const VmArguments shared(parser, options, vms);
  parser.flag("--follow", options.follow);
  parser.flag("--timestamps", options.timestamps);
  parser.value("--tail", tail);
  parser.value("--since", since);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, 1));
  if (options.help) return options;
  options.vm = vms[0];
  if (parser.given("--tail") && tail != "all" && tail != "0") {
    options.tail = SM_TRY(parse_count("--tail", tail, kMaxTail));
  }
  if (tail == "0") options.tail = 0;
  if (parser.given("--since")) options.since = SM_TRY(parse_since(since));
  return options;
}

Result<EndOptions> read_stop(Args args) {
  EndOptions options;
  std::string timeout;
  std::string signal;
  Parser parser(kStopHelp);
  const VmArguments shared(parser, options, options.vms);
  parser.value("--signal", signal);
  parser.value("--time", timeout);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, kMany));
  if (timeout == "0") {
    options.timeout = std::chrono::milliseconds(0);
  } else if (parser.given("--time")) {
    options.timeout = SM_TRY(parse_seconds("--time", timeout));
  }
  if (parser.given("--signal")) options.signal = SM_TRY(parse_signal(signal));
  return options;
}

Result<EndOptions> read_kill(Args args) {
  EndOptions options;
  std::string signal = "KILL";
  Parser parser(kKillHelp);
  const VmArguments shared(parser, options, options.vms);
  parser.value("--signal", signal);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, kMany));
  options.signal = SM_TRY(parse_signal(signal));
  return options;
}

Result<EndOptions> read_rm(Args args) {
  EndOptions options;
  Parser parser(kRmHelp);
  const VmArguments shared(parser, options, options.vms);
  parser.flag("--force", options.force);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, kMany));
  return options;
}

Result<EndOptions> read_wait(Args args) {
  EndOptions options;
  Parser parser(kWaitHelp);
  const VmArguments shared(parser, options, options.vms);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, kMany));
  return options;
}

Result<PortOptions> read_port(Args args) {
  PortOptions options;
  std::vector<std::string> vms;
  Parser parser(kPortHelp);
  const VmArguments shared(parser, options, vms);
  SM_TRY(parser.parse(args));
  SM_TRY(shared.read(parser, 1));
  if (!vms.empty()) options.vm = vms[0];
  return options;
}

}  // namespace

Result<PsOptions> parse_ps_options(Args args) { return with_hint(read_ps(args), "ps"); }
Result<ExecOptions> parse_exec_options(Args args) { return with_hint(read_exec(args), "exec"); }
Result<LogsOptions> parse_logs_options(Args args) { return with_hint(read_logs(args), "logs"); }
Result<EndOptions> parse_stop_options(Args args) { return with_hint(read_stop(args), "stop"); }
Result<EndOptions> parse_kill_options(Args args) { return with_hint(read_kill(args), "kill"); }
Result<EndOptions> parse_rm_options(Args args) { return with_hint(read_rm(args), "rm"); }
Result<EndOptions> parse_wait_options(Args args) { return with_hint(read_wait(args), "wait"); }
Result<PortOptions> parse_port_options(Args args) { return with_hint(read_port(args), "port"); }

Result<TimePoint> parse_since(const std::string& text) {
  if (const auto time = parse_time(text); time.ok()) return time.value();
  const Error wrong = usage_error(
      "--since takes a time like 2026-01-02T03:04:05Z or how long ago, like 10m, not '" + text +
      "'");
  std::chrono::seconds ago{0};
  std::string_view rest = text;
  do {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc() || end == rest.data() + rest.size()) return wrong;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const char unit = rest[0];
    rest.remove_prefix(1);
    if (unit != 's' && unit != 'm' && unit != 'h') return wrong;
    ago += std::chrono::seconds(std::int64_t{count} * (unit == 's' ? 1 : unit == 'm' ? 60 : 3600));
  } while (!rest.empty());
  const TimePoint time = now();
  if (ago > time.time_since_epoch()) return TimePoint{};
  return time - ago;
}

}  // namespace supermachine::cli
