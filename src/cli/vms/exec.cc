// SPDX-License-Identifier: Apache-2.0
// `supermachine exec`: one more command in a VM that runs detached.
#include <unistd.h>

#include <cstdio>

#include "cli/help/text.h"
#include "cli/start.h"
#include "cli/vms/background.h"
#include "cli/vms/help.h"
#include "cli/vms/options.h"
#include "cli/vms/reach.h"

namespace supermachine::cli {
namespace {

// What has run had memory; the status alone may be one that the command chose.
bool has_run(const ExecOutcome& outcome) {
  constexpr int kNotExecutable = 126;
  constexpr int kNotFound = 127;
  return outcome.peak_rss_kib != 0 ||
         (outcome.status != kNotExecutable && outcome.status != kNotFound);
}

// Leaves a process behind that takes the command's output, without which the command would end.
// How a command ends that has started is not told, for it need not have ended by now.
Result<int> run_in_background(ExecBuilder command) {
  ExecChild child = SM_TRY(command.spawn());
  std::string said;
  for (;;) {
    const auto event = child.try_next();
    if (!event.ok()) return 0;  // the VM has ended
    if (!event.value()) break;
    if (const auto* err = std::get_if<ExecStderr>(&*event.value())) said += err->data;
    const auto* outcome = std::get_if<ExecOutcome>(&*event.value());
    if (outcome == nullptr) continue;
    if (has_run(*outcome)) return 0;
    std::fputs(said.c_str(), stderr);
    return outcome->status;
  }
  SM_TRY(go_to_background());
  for (;;) {
    const auto event = child.next();
    if (!event.ok() || std::holds_alternative<ExecOutcome>(event.value())) return 0;
  }
}

}  // namespace

Result<int> exec_verb(Args args) {
  const ExecOptions options = SM_TRY(parse_exec_options(args));
  if (options.help) return print_help(kExecHelp);
  if (options.tty && ::isatty(STDIN_FILENO) != 1) {
    return Error(Errc::kInvalidArgument,
                 "the input device is not a TTY: leave out -t, or run this from a terminal");
  }
  SM_TRY(follow_into_lab(options.engine, "exec", args));
  VmStore store = SM_TRY(VmStore::open());
  const VmEntry entry = SM_TRY(find_running(store, options.vm));
  const RemoteVm vm = attach(entry);
  ExecBuilder command = describe(vm.exec_builder(), options, options.command);
  if (options.detach) return run_in_background(std::move(command));
  Signals signals = SM_TRY(Signals::create());
  const auto end =
      run_command(std::move(command), {.interactive = options.interactive, .tty = options.tty},
                  options, signals);
  if (end.ok()) return exit_status(end.value());
  const auto process = SM_TRY(process_of(entry));
  if (process && !SM_TRY(process->wait(std::chrono::milliseconds(0)))) return end.error();
  return Error(Errc::kGuestFault, "the VM ended before the command did");
}

}  // namespace supermachine::cli
