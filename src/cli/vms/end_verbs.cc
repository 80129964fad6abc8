// SPDX-License-Identifier: Apache-2.0
// `supermachine stop`, `kill`, `wait` and `rm`: the end of detached VMs.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/bakes/keep.h"
#include "cli/help/text.h"
#include "cli/vms/help.h"
#include "cli/vms/options.h"
#include "cli/vms/reach.h"

namespace supermachine::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr int kKilled = 137;  // as of a command that was killed

// What the four have in common. `act` gets each VM by name.
template <typename Act>
Result<int> with_each(const EndOptions& options, const VerbHelp& help, const char* verb, Args args,
                      const Act& act) {
  if (options.help) return print_help(help);
  SM_TRY(follow_into_lab(options.engine, verb, args));
  VmStore store = SM_TRY(VmStore::open());
  return for_each_vm(options.vms, [&](const std::string& vm) { return act(store, vm); });
}

// There is no VM of that name that we know of. One whose name cannot be read may have it.
Status check_absent(VmStore& store, const Error& not_found) {
  for (const VmEntry& entry : SM_TRY(store.list())) {
    if (entry.problem.empty() || !entry.state.name.empty()) continue;
    return Error(Errc::kCorrupt, not_found.message() + "; it may be " + entry.directory + ": " +
                                     entry.problem + " ('supermachine rm " + entry.short_name() +
                                     "' removes that)");
  }
  return {};
}

Status remove_vm(VmStore& store, const std::string& vm, bool force) {
  auto entry = store.find(vm);
  if (!entry.ok() && entry.error().code() == Errc::kNotFound) {
    const Status removed = remove_kept(vm);
    if (removed.ok()) std::puts(vm.c_str());
    if (removed.ok() || removed.error().code() != Errc::kNotFound) return removed;
    if (force) return check_absent(store, entry.error());
    return Error(Errc::kNotFound, entry.error().message() + ", and " + removed.error().message());
  }
  SM_TRY(entry);
  if (entry.value().alive) {
    if (!force) {
      return Error(Errc::kInvalidArgument, "the VM '" + vm + "' runs: stop it first, or use -f");
    }
    if (!entry.value().problem.empty()) {
      return Error(Errc::kCorrupt, entry.value().directory + ": " + entry.value().problem +
                                       "; its process runs, and nothing tells which it is");
    }
    SM_TRY(kill_vm(entry.value()));
  }
  SM_TRY(store.remove(entry.value()));
  std::puts(vm.c_str());
  return {};
}

Status wait_for(VmStore& store, const std::string& vm) {
  const VmEntry entry = SM_TRY(store.find(vm));
  const auto ending = VmEnding::open(entry);  // now: with --rm it is gone afterwards
  if (const auto process = SM_TRY(process_of(entry))) {
    SM_TRY(process->wait(std::nullopt));
  }
  const auto state = SM_TRY(final_state(store, entry));
  std::optional<int> code;
  if (state) {
    code = state->exit_code;
  } else if (ending.ok() && entry.state.status == VmStatus::kRunning) {
    code = SM_TRY(ending.value().exit_code()).value_or(kKilled);
  }
  if (!code) return Error(Errc::kNotFound, "the VM '" + vm + "' was removed when it ended");
  std::printf("%d\n", *code);
  std::fflush(stdout);
  return {};
}

}  // namespace

Result<int> stop_verb(Args args) {
  const EndOptions options = SM_TRY(parse_stop_options(args));
  return with_each(
      options, kStopHelp, "stop", args, [&](VmStore& store, const std::string& vm) -> Status {
        const VmEntry entry = SM_TRY(store.find(vm));
        SM_TRY(stop_vm(entry, options.signal ? options.signal : entry.state.stop_signal,
                       options.timeout.value_or(kPatience)));
        SM_TRY(store.list());  // puts in order what was killed
        std::puts(vm.c_str());
        return {};
      });
}

Result<int> kill_verb(Args args) {
  const EndOptions options = SM_TRY(parse_kill_options(args));
  return with_each(
      options, kKillHelp, "kill", args, [&](VmStore& store, const std::string& vm) -> Status {
        const VmEntry entry = SM_TRY(find_running(store, vm));
        SM_TRY(options.signal == SIGKILL ? kill_vm(entry) : signal_command(entry, options.signal));
        std::puts(vm.c_str());
        return {};
      });
}

Result<int> rm_verb(Args args) {
  const EndOptions options = SM_TRY(parse_rm_options(args));
  return with_each(options, kRmHelp, "rm", args, [&](VmStore& store, const std::string& vm) {
    return remove_vm(store, vm, options.force);
  });
}

Result<int> wait_verb(Args args) {
  const EndOptions options = SM_TRY(parse_wait_options(args));
  return with_each(options, kWaitHelp, "wait", args, wait_for);
}

}  // namespace supermachine::cli
