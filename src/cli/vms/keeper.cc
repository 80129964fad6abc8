// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/keeper.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace supermachine::cli {
namespace {

constexpr auto kStopLimit = std::chrono::seconds(10);
constexpr int kEventsPerTurn = 64;  // then signals have their turn
constexpr int kKilled = kSignalBase + SIGKILL;

}  // namespace

Result<ExecChild> start_workload(Vm& vm, const RunOptions& options, const RunPlan& plan) {
  if (plan.prepared.image->is_snapshot() && options.command.empty() && !options.entrypoint) {
    auto running = vm.follow_workload();
    if (running.ok() || running.error().code() != Errc::kNotFound) return running;
  }
  SM_TRY(vm.start_workload(describe(vm.exec_builder(), options, plan.argv)));
  return vm.follow_workload();
}

VmEnd Keeper::run() {
  for (;;) {
    if (auto end = take_events()) return *std::move(end);
    if (auto end = take_signals()) return *std::move(end);
    if (deadline_ && Clock::now() >= *deadline_) {
      return {.exit_code = kKilled, .error = "its command did not end when it was asked to"};
    }
    wait();
  }
}

std::optional<VmEnd> Keeper::take_events() {
  more_ = false;
  for (int i = 0; i < kEventsPerTurn; ++i) {
    auto event = command_.try_next();
    if (!event.ok()) {
      const Error error = explain(std::move(event).error(), vm_);
      log_.add(LogStream::kStderr, "supermachine: " + error.message() + "\n");
      return VmEnd{.exit_code = kOwnFailure, .error = error.message()};
    }
    if (!event.value()) return std::nullopt;
    note_skipped();
    if (const auto* out = std::get_if<ExecStdout>(&*event.value())) {
      log_.add(LogStream::kStdout, out->data);
    } else if (const auto* err = std::get_if<ExecStderr>(&*event.value())) {
      log_.add(LogStream::kStderr, err->data);
    } else {
      return VmEnd{.exit_code = std::get<ExecOutcome>(*event.value()).status, .error = {}};
    }
  }
  more_ = true;
  return std::nullopt;
}

void Keeper::note_skipped() {
  const std::uint64_t skipped = command_.skipped_bytes() - noted_;
  if (skipped == 0) return;
  noted_ += skipped;
  log_.add(LogStream::kStderr, "supermachine: " + std::to_string(skipped) +
                                   " bytes of output came faster than they could be logged\n");
}

std::optional<VmEnd> Keeper::take_signals() {
  while (const auto number = signals_.next()) {
    if (*number == SIGWINCH) continue;
    const bool polite = *number == SIGTERM || *number == SIGINT;
    if (*number == SIGQUIT || (polite && deadline_)) {
      return VmEnd{.exit_code = kKilled, .error = "it was ended at once"};
    }
    if (polite) deadline_ = Clock::now() + kStopLimit;
    // A command that has ended shows in the next event.
    static_cast<void>(vm_.workload_signal(polite ? stop_signal_ : *number).ok());
  }
  return std::nullopt;
}

void Keeper::wait() {
  const short events = static_cast<short>(POLLIN | (command_.wants_write() ? POLLOUT : 0));
  std::array<pollfd, 2> fds{{{.fd = command_.fd(), .events = events, .revents = 0},
                             {.fd = signals_.fd(), .events = POLLIN, .revents = 0}}};
  int timeout_ms = -1;  // a command may take as long as it likes
  if (deadline_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    timeout_ms = static_cast<int>(std::clamp<long long>(left.count(), 0, 1 << 30));
  }
  // An error can only be EINTR: the loop comes back.
  ::poll(fds.data(), fds.size(), more_ ? 0 : timeout_ms);
}

}  // namespace supermachine::cli
