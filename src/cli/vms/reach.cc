// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/reach.h"

#include <csignal>

#include "cli/engine.h"

namespace supermachine::cli {
namespace {

// From a signal that the VM's process obeys to its end.
constexpr auto kEndLimit = std::chrono::seconds(5);

Status check_readable(const VmEntry& entry) {
  if (entry.problem.empty()) return {};
  return Error(Errc::kCorrupt, entry.directory + ": " + entry.problem);
}

}  // namespace

Status follow_into_lab(Engine wanted, const std::string& verb, Args args) {
  if (inside_lab()) return {};
  const auto engine = choose_engine(wanted);
  if (!engine.ok()) {
    if (wanted == Engine::kLab) return engine.error();
    return {};  // there may be VMs from better times
  }
  if (!engine.value().in_lab || !lab_is_up(engine.value().lab)) return {};
  return enter_lab(engine.value().lab, verb, args);
}

Result<VmEntry> find_running(VmStore& store, const std::string& wanted) {
  VmEntry entry = SM_TRY(store.find(wanted));
  SM_TRY(check_readable(entry));
  if (entry.alive && entry.state.status == VmStatus::kRunning) return entry;
  return Error(Errc::kInvalidArgument, "the VM '" + wanted + "' is not running");
}

RemoteVm attach(const VmEntry& entry) {
  ImageConfig image;
  image.env = entry.state.env;
  image.working_dir = entry.state.workdir;
  image.user = entry.state.user;
  return RemoteVm::attach(entry.socket_path(), std::move(image));
}

Result<std::optional<VmProcess>> process_of(const VmEntry& entry) {
  SM_TRY(check_readable(entry));
  if (!entry.alive) return std::optional<VmProcess>();
  return VmProcess::open(entry.state.pid, entry.state.pid_start);
}

Status kill_vm(const VmEntry& entry) {
  const auto process = SM_TRY(process_of(entry));
  if (!process) return {};
  SM_TRY(process->signal(SIGQUIT));
  if (SM_TRY(process->wait(kEndLimit))) return {};
  SM_TRY(process->signal(SIGKILL));
  if (SM_TRY(process->wait(kEndLimit))) return {};
  return Error(Errc::kTimeout, "the process " + std::to_string(entry.state.pid) + " does not end");
}

Status stop_vm(const VmEntry& entry, int number, std::chrono::milliseconds patience) {
  const auto process = SM_TRY(process_of(entry));
  if (!process) return {};
  const Status asked = signal_command(entry, number);
  if (SM_TRY(process->wait(asked.ok() ? patience : std::chrono::milliseconds(0)))) return {};
  return kill_vm(entry);
}

Status signal_command(const VmEntry& entry, int number) {
  return attach(entry).workload_signal(number);
}

Result<std::optional<VmState>> final_state(VmStore& store, const VmEntry& entry) {
  for (VmEntry& now : SM_TRY(store.list())) {
    if (now.directory != entry.directory || !now.problem.empty()) continue;
    return std::optional(std::move(now.state));
  }
  return std::optional<VmState>();
}

}  // namespace supermachine::cli
