// SPDX-License-Identifier: Apache-2.0
// How another process gets at a detached VM: finding it, its guest, its process.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/shared_options.h"
#include "cli/verbs.h"
#include "cli/vms/process.h"
#include "cli/vms/store.h"
#include "supermachine/remote_vm.h"

namespace supermachine::cli {

// VMs that `run -d` started are where it would start one now. If that is the lab, and one is up,
// this becomes `verb` in there and returns only its failure; else the VMs are this machine's.
Status follow_into_lab(Engine wanted, const std::string& verb, Args args);

// kInvalidArgument when the VM has ended.
Result<VmEntry> find_running(VmStore& store, const std::string& wanted);

RemoteVm attach(const VmEntry& entry);

// nullopt when it has ended; kCorrupt for an entry with a problem.
Result<std::optional<VmProcess>> process_of(const VmEntry& entry);

// Ends it: asks its command by the signal `number` to end, and after `patience` ends the VM.
Status stop_vm(const VmEntry& entry, int number, std::chrono::milliseconds patience);
// Ends it at once.
Status kill_vm(const VmEntry& entry);

// To the command.
Status signal_command(const VmEntry& entry, int number);

// Of one that ends now: its record afterwards; nullopt when nothing is left of it.
Result<std::optional<VmState>> final_state(VmStore& store, const VmEntry& entry);

// Calls `act` for each of `vms` and goes on after errors, which it says; the exit status.
template <typename Act>
int for_each_vm(const std::vector<std::string>& vms, const Act& act) {
  int status = 0;
  for (const std::string& vm : vms) {
    const Status done = act(vm);
    if (done.ok()) continue;
    say(done.error().message());
    status = kOwnFailure;
  }
  return status;
}

}  // namespace supermachine::cli
