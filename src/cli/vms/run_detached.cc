// SPDX-License-Identifier: Apache-2.0
// The process of a detached VM, which `run -d` starts (detach.cc). It says on standard output the
// id of its VM once that runs, waits on standard input for a line, without which nobody wants the
// VM, and from then on has no more to do with who started it.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "cli/parse.h"
#include "cli/run.h"
#include "cli/values.h"
#include "cli/vms/background.h"
#include "cli/vms/file.h"
#include "cli/vms/keeper.h"
#include "cli/vms/process.h"
#include "cli/vms/store.h"

namespace supermachine::cli {
namespace {

constexpr int kGoLimitMs = 60'000;

// An image that names none, or one that does not exist, means SIGTERM, as for docker.
int stop_signal(const RunOptions& options, const ImageConfig& image) {
  if (options.stop_signal != 0) return options.stop_signal;
  const auto number = parse_signal(image.stop_signal);
  return number.ok() ? number.value() : SIGTERM;
}

VmState describe_vm(const RunOptions& options, const RunPlan& plan) {
  const ImageConfig& image = plan.prepared.image->config();
  VmState state;
  state.name = options.name;
  state.image = options.image;
  state.command = plan.argv;
  state.env = image.env;
  for (const auto& [name, value] : options.env) {
    const std::string prefix = name + "=";
    std::erase_if(state.env, [&](const std::string& entry) { return entry.starts_with(prefix); });
    state.env.push_back(prefix + value);
  }
  state.workdir = options.workdir.empty() ? image.working_dir : options.workdir;
  state.user = options.user.empty() ? image.user : options.user;
  state.stop_signal = stop_signal(options, image);
  state.remove = options.remove;
  state.created = now();
  state.pid = ::getpid();
  state.pid_start = process_start(state.pid).value_or(0);
  return state;
}

// By a short path: the address of a socket holds 107 characters.
Result<Fd> open_socket_directory(const OwnVm& own, VmConfig& config) {
  Fd directory = SM_TRY(open_file(own.directory(), O_PATH | O_DIRECTORY));
  config.with_vsock_mux_dir("/proc/self/fd/" + std::to_string(directory.get()));
  return directory;
}

// The part of the path below the VM's directory.
std::string socket_name(const Vm& vm) {
  const std::filesystem::path path = vm.vsock_path();
  return (path.parent_path().filename() / path.filename()).string();
}

// Says that the VM runs, and fails when nobody is there any more to hear it.
Status report(const std::string& id) {
  const Error gone(Errc::kTimeout, "who started the VM has gone");
  if (!write_fully(STDOUT_FILENO, id + "\n").ok()) return gone;
  pollfd entry{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (::poll(&entry, 1, kGoLimitMs) < 0) {
    if (errno != EINTR) return Error::from_errno("poll");
  }
  char line = 0;
  if (entry.revents == 0 || ::read(STDIN_FILENO, &line, 1) != 1) return gone;
  return {};
}

// As of a command in `run`: what docker exits with then.
int failure_of(const Error& error) {
  constexpr int kNotFound = 127;
  constexpr int kNotExecutable = 126;
  if (error.code() == Errc::kNotFound) return kNotFound;
  return error.code() == Errc::kInvalidArgument ? kNotExecutable : kOwnFailure;
}

// Errors are those of the start, and so is an exit status that is not 0: why has been said. The
// VM's end is on record.
Result<int> keep(OwnVm& own, const RunOptions& options, RunPlan plan, Signals& signals) {
  const Fd directory = SM_TRY(open_socket_directory(own, plan.config));
  LogWriter log = SM_TRY(LogWriter::create(own.directory()));
  VmState state = own.state();
  VmEnd end;
  {
    Vm vm = SM_TRY(start(*plan.prepared.image, plan.config));
    const std::vector<TcpForward> forwards = SM_TRY(publish(vm, options.ports));
    auto command = start_workload(vm, options, plan);
    if (!command.ok()) {
      say(command.error().message());
      return failure_of(command.error());
    }
    for (std::size_t i = 0; i < forwards.size(); ++i) {
      state.ports.push_back(to_string({.address = forwards[i].address(),
                                       .host = forwards[i].port(),
                                       .guest = options.ports[i].guest}));
    }
    state.status = VmStatus::kRunning;
    state.started = now();
    state.socket = socket_name(vm);
    SM_TRY(own.update(state));
    SM_TRY(report(state.id));
    SM_TRY(leave_streams());
    end = Keeper(vm, command.value(), state.stop_signal, signals, log).run();
  }
  state.status = VmStatus::kExited;
  state.finished = now();
  state.exit_code = end.exit_code;
  state.error = end.error;
  // Without it the record says that our process was killed.
  static_cast<void>(own.update(std::move(state)).ok());
  return 0;
}

}  // namespace

Result<int> run_detached_verb(Args args) {
  const RunOptions options = SM_TRY(parse_run_options(args));
  Signals signals = SM_TRY(Signals::create());
  std::optional<EndOnSignal> ending(SM_TRY(EndOnSignal::create()));
  RunPlan plan = SM_TRY(plan_run(options));
  if (plan.prepared.engine.in_lab) return usage_error("run-detached runs its VM on this host");
  SM_TRY(check_free(options.ports));
  VmStore store = SM_TRY(VmStore::open());
  OwnVm own = SM_TRY(store.add(describe_vm(options, plan)));
  ending.reset();
  const auto kept = keep(own, options, std::move(plan), signals);
  if (!kept.ok() || kept.value() != 0 || options.remove) own.remove();
  return kept;
}

}  // namespace supermachine::cli
