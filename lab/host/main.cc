// SPDX-License-Identifier: Apache-2.0
// supermachine-lab: runs commands on an emulated KVM host. lab/run, lab/start and lab/stop call it;
// lab/README.md is its manual.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/sys.h"
#include "host/daemon.h"
#include "host/private_lab.h"
#include "host/relay.h"
#include "host/state.h"

namespace supermachine::lab {
namespace {

constexpr int kOwnFailure = 125;
constexpr std::chrono::seconds kQueueLimit{1800};
constexpr std::chrono::milliseconds kQueueInterval{100};
constexpr std::chrono::seconds kQueueNotice{1};

constexpr const char* kUsage =
    "usage: supermachine-lab run [--timeout SECONDS] [--] COMMAND [ARGUMENT...]\n"
    "       supermachine-lab start | stop | status\n";

Result<unsigned> parse_number(const std::string& what, std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0 && value <= max) {
    return value;
  }
  return Error(Errc::kInvalidArgument, what + " must be a number from 1 to " + std::to_string(max) +
                                           ", not '" + std::string(text) + "'");
}

Result<unsigned> number_from(const char* variable, unsigned otherwise, unsigned max) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return otherwise;
  return parse_number(variable, text, max);
}

Result<DaemonConfig> configure() {
  DaemonConfig config;
  MachineConfig& machine = config.keeper.machine;
  const char* kernel = std::getenv("SUPERMACHINE_LAB_KERNEL");
  if (kernel == nullptr || *kernel == '\0') {
    return Error(Errc::kNotFound,
                 "SUPERMACHINE_LAB_KERNEL must name the lab's vmlinux; lab/run does that");
  }
  machine.kernel = kernel;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error::from_errno("/proc/self/exe", error.value());
  machine.init = (self.parent_path() / "supermachine-labd").string();
  machine.memory_mib = SM_TRY(number_from("SUPERMACHINE_LAB_MEMORY", machine.memory_mib, 1U << 20));
  machine.cpus = SM_TRY(number_from("SUPERMACHINE_LAB_CPUS", machine.cpus, 64));
  const char* cache = std::getenv("SUPERMACHINE_LAB_CACHE");
  machine.strict_cache = cache == nullptr || std::string_view(cache) != "loose";
  config.keeper.boot_limit =
      std::chrono::seconds(SM_TRY(number_from("SUPERMACHINE_LAB_TIMEOUT", 120, 86400)));
  config.idle_limit =
      std::chrono::minutes(SM_TRY(number_from("SUPERMACHINE_LAB_IDLE", 60, 100000)));
  return config;
}

Result<Command> parse_run(std::span<char*> args) {
  Command command;
  while (!args.empty() && args[0][0] == '-') {
    const std::string_view option = args[0];
    args = args.subspan(1);
    if (option == "--") break;
    if (option != "--timeout" || args.empty()) {
      return Error(Errc::kInvalidArgument, "unknown option or no value: " + std::string(option));
    }
    command.limit = std::chrono::seconds(SM_TRY(parse_number("--timeout", args[0], 1U << 30)));
    args = args.subspan(1);
  }
  if (args.empty())
    return Error(Errc::kInvalidArgument, "no command; lab/run COMMAND [ARGUMENT...]");
  command.argv.assign(args.begin(), args.end());
  return command;
}

// Inside a lab there is nothing to do but the command.
int run_here(std::span<char*> args) {
  auto command = parse_run(args);
  if (!command.ok()) return kOwnFailure;
  std::vector<char*> argv;
  for (std::string& argument : command.value().argv) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  const bool absent = errno == ENOENT;
  std::perror(argv[0]);
  return absent ? 127 : 126;
}

Result<int> finish(const client::Connector& connect, const Command& command, Signals& signals) {
  const int status = SM_TRY(run_command(connect, command, signals));
  SM_TRY(sync_files(connect));
  return status;
}

// Why the session broke is better known to whoever kept the machine.
Error explain(Error error, const Status& end_of_lab, const std::string& more) {
  if (!end_of_lab.ok()) return end_of_lab.error();
  if (error.code() != Errc::kGuestFault) return error;
  return {Errc::kOs, "the lab ended before the command did" + more};
}

Result<int> run_in_kept(const StateDir& state, UniqueFd stream, const Command& command,
                        Signals& signals) {
  // The stream that showed that there is a lab carries the first call.
  auto first = std::make_shared<UniqueFd>(std::move(stream));
  const client::Connector connect = [&state, first](Deadline) -> Result<UniqueFd> {
    if (*first) return std::move(*first);
    auto next = state.connect();
    if (next) return std::move(*next);
    return Error(Errc::kGuestFault, "the lab has ended");
  };
  auto status = finish(connect, command, signals);
  if (status.ok()) return status;
  return explain(std::move(status).error(), {}, "; its console: " + state.console_log());
}

Result<int> run_in_private(const Command& command, Signals& signals) {
  const DaemonConfig config = SM_TRY(configure());
  const auto lab = SM_TRY(PrivateLab::start(config.keeper));
  if (const auto signal = SM_TRY(lab->wait_ready(signals))) return 128 + *signal;
  auto status = finish(lab->connector(), command, signals);
  const Status ended = lab->end();
  if (status.ok()) return status;
  return explain(std::move(status).error(), ended, "");
}

Result<int> run(const Command& command) {
  const StateDir state = SM_TRY(StateDir::open());
  Signals signals = SM_TRY(Signals::create());
  const auto begin = std::chrono::steady_clock::now();
  bool told = false;
  for (;;) {
    if (auto stream = state.connect()) {
      return run_in_kept(state, std::move(*stream), command, signals);
    }
    if (const auto lock = SM_TRY(state.try_lock())) return run_in_private(command, signals);
    const auto waited = std::chrono::steady_clock::now() - begin;
    if (waited > kQueueLimit) return Error(Errc::kTimeout, "another lab of yours is still running");
    if (waited > kQueueNotice && !std::exchange(told, true)) {
      std::fputs("lab: waiting for another lab of yours to end\n", stderr);
    }
    if (SM_TRY(sys::wait_ready(signals.fd(), POLLIN, deadline_in(kQueueInterval)))) {
      const auto signal = signals.next();
      if (signal && *signal != SIGWINCH) return 128 + *signal;
    }
  }
}

Result<int> status() {
  const StateDir state = SM_TRY(StateDir::open());
  const bool up = ::access(state.control_socket().c_str(), F_OK) == 0 && !SM_TRY(state.try_lock());
  std::puts(up ? "up" : "down");
  return up ? 0 : 1;
}

Result<int> carry_out(std::string_view verb, std::span<char*> args) {
  if (verb == "run") return run(SM_TRY(parse_run(args)));
  if (!args.empty()) return Error(Errc::kInvalidArgument, std::string(verb) + " takes no argument");
  if (verb == "status") return status();
  const StateDir state = SM_TRY(StateDir::open());
  if (verb == "start") {
    SM_TRY(start_daemon(state, SM_TRY(configure())));
    return 0;
  }
  if (verb == "stop") {
    SM_TRY(stop_daemon(state));
    return 0;
  }
  std::fputs(kUsage, stderr);
  return kOwnFailure;
}

// A stream that our caller closed must not become one of our own descriptors.
bool open_standard_streams() {
  int fd = 0;
  do fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) ::close(fd);
  return fd > 2;
}

}  // namespace
}  // namespace supermachine::lab

int main(int argc, char** argv) {
  using namespace supermachine;
  if (!lab::open_standard_streams() || ::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return 125;
  const std::span<char*> args = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
  if (args.empty()) {
    std::fputs(lab::kUsage, stderr);
    return lab::kOwnFailure;
  }
  const char* inside = std::getenv("SUPERMACHINE_IN_LAB");
  if (inside != nullptr && std::string_view(inside) == "1" && std::string_view(args[0]) == "run") {
    return lab::run_here(args.subspan(1));
  }
  const auto status = lab::carry_out(args[0], args.subspan(1));
  if (status.ok()) return status.value();
  std::fprintf(stderr, "lab: %s\n", status.error().message().c_str());
  return lab::kOwnFailure;
}
