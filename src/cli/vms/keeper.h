// SPDX-License-Identifier: Apache-2.0
// Follows the command of a detached VM to its end.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/run.h"
#include "cli/signals.h"
#include "cli/vms/log.h"
#include "supermachine/vm.h"

namespace supermachine::cli {

// What the VM is there for: what `plan` says, with the settings of `options`. The workload that a
// snapshot brings with it, where no command is given. kNotFound for a program that is not there.
Result<ExecChild> start_workload(Vm& vm, const RunOptions& options, const RunPlan& plan);

struct VmEnd {
  int exit_code = 0;  // of the command
  std::string error;  // why the VM ended, if not with it
};

class Keeper {
 public:
  // All outlive us. `stop_signal` asks the command to end.
  Keeper(Vm& vm, ExecChild& command, int stop_signal, Signals& signals, LogWriter& log)
      : vm_(vm), command_(command), stop_signal_(stop_signal), signals_(signals), log_(log) {}

  // Returns when the command has ended or the VM is not wanted any more: at SIGTERM and SIGINT the
  // command is asked to end, and has 10 s; again, or SIGQUIT, it ends at once. Other signals are
  // the command's.
  VmEnd run();

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<VmEnd> take_events();
  std::optional<VmEnd> take_signals();
  void note_skipped();
  void wait();

  Vm& vm_;
  ExecChild& command_;
  int stop_signal_;
  Signals& signals_;
  LogWriter& log_;
  std::optional<Clock::time_point> deadline_;
  std::uint64_t noted_ = 0;  // bytes that were skipped
  bool more_ = false;        // the command may have more without a wait
};

}  // namespace supermachine::cli
