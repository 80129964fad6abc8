// SPDX-License-Identifier: Apache-2.0
#include "cli/relay.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "cli/verbs.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kInputChunk = 65536;
constexpr int kEventsPerTurn = 64;  // then signals and input have their turn

}  // namespace

Result<RelayEnd> Relay::run() {
  const Clock::time_point deadline =
      config_.limit ? Clock::now() + *config_.limit : Clock::time_point::max();
  if (config_.tty) send_window_size();
  for (;;) {
    if (auto end = SM_TRY(carry_output())) return *end;
    feed_stdin();
    SM_TRY(wait(deadline));
    if (auto end = SM_TRY(handle_signals())) return *end;
    if (stdin_ready_) read_stdin();
  }
}

Result<std::optional<RelayEnd>> Relay::carry_output() {
  more_ = false;
  for (int i = 0; i < kEventsPerTurn; ++i) {
    if (auto end = SM_TRY(flush())) return end;
    if (!pending_.empty()) return std::optional<RelayEnd>();  // the guest waits with us
    auto event = SM_TRY(child_.try_next());
    if (!event) return std::optional<RelayEnd>();
    if (auto end = SM_TRY(take(*std::move(event)))) return end;
  }
  more_ = true;
  return std::optional<RelayEnd>();
}

Result<std::optional<RelayEnd>> Relay::take(ExecEvent event) {
  if (const auto* outcome = std::get_if<ExecOutcome>(&event)) {
    return std::optional(RelayEnd{.kind = RelayEnd::Kind::kExited,
                                  .status = outcome->status,
                                  .timed_out = outcome->timed_out});
  }
  if (auto* out = std::get_if<ExecStdout>(&event)) {
    pending_ = std::move(out->data);
    pending_for_ = 0;
  } else if (auto* err = std::get_if<ExecStderr>(&event)) {
    pending_ = std::move(err->data);
    pending_for_ = 1;
  }
  pending_done_ = 0;
  return flush();
}

Result<std::optional<RelayEnd>> Relay::flush() {
  while (pending_done_ < pending_.size()) {
    auto written =
        outputs_[pending_for_].write_some(std::string_view(pending_).substr(pending_done_));
    if (!written.ok()) {
      const int why = written.error().os_errno();
      // EIO is a terminal that was closed.
      if (why != EPIPE && why != EIO) {
        return std::move(written).error().with(pending_for_ == 0 ? "standard output"
                                                                 : "standard error");
      }
      return std::optional(
          RelayEnd{.kind = RelayEnd::Kind::kOutputClosed, .status = kSignalBase + SIGPIPE});
    }
    if (written.value() == 0) return std::optional<RelayEnd>();
    pending_done_ += written.value();
  }
  pending_.clear();
  return std::optional<RelayEnd>();
}

Result<std::optional<RelayEnd>> Relay::handle_signals() {
  while (const auto number = signals_.next()) {
    if (*number == SIGWINCH) {
      if (config_.tty) send_window_size();
      continue;
    }
    // With a terminal of its own the command gets Ctrl-C as a byte: this is not Ctrl-C then.
    if (*number == SIGINT && !config_.tty && ++interrupts_ > 1) {
      return std::optional(
          RelayEnd{.kind = RelayEnd::Kind::kInterrupted, .status = kSignalBase + SIGINT});
    }
    SM_TRY(child_.signal(*number));
  }
  return std::optional<RelayEnd>();
}

void Relay::send_window_size() {
  const auto size = window_size();
  if (!size || size == window_) return;
  window_ = size;
  // A broken connection shows in the next event.
  static_cast<void>(child_.resize(size->rows, size->cols).ok());
}

void Relay::read_stdin() {
  input_.resize(kInputChunk);
  input_done_ = 0;
  const ssize_t got = ::read(STDIN_FILENO, input_.data(), input_.size());
  const bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
  input_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got > 0 || later) return;
  stdin_open_ = false;  // its end, or nothing that can be read
  child_.close_stdin();
}

void Relay::feed_stdin() {
  while (input_done_ < input_.size()) {
    const auto taken = child_.try_write_stdin(std::string_view(input_).substr(input_done_));
    if (!taken.ok()) {  // the command has ended: its outcome is on its way
      stdin_open_ = false;
      break;
    }
    if (taken.value() == 0) return;
    input_done_ += taken.value();
  }
  input_.clear();
}

Status Relay::wait(Clock::time_point deadline) {
  const bool want_input = stdin_open_ && input_.empty();
  const auto child_events =
      static_cast<short>((pending_.empty() ? POLLIN : 0) | (child_.wants_write() ? POLLOUT : 0));
  // A negative descriptor is skipped, see poll(2).
  std::array<pollfd, 4> fds{{
      {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
      {.fd = child_events == 0 ? -1 : child_.fd(), .events = child_events, .revents = 0},
      {.fd = want_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
      {.fd = pending_.empty() ? -1 : outputs_[pending_for_].fd(), .events = POLLOUT, .revents = 0},
  }};
  int timeout_ms = -1;  // a command may take as long as it likes, unless there is a limit
  if (deadline != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return Error(Errc::kTimeout, "the guest did not say in time that the command had ended");
    }
    timeout_ms = static_cast<int>(std::min<long long>(left.count(), 1 << 30));
  }
  if (more_) timeout_ms = 0;
  if (::poll(fds.data(), fds.size(), timeout_ms) < 0 && errno != EINTR) {
    return Error::from_errno("poll");
  }
  stdin_ready_ = fds[2].revents != 0;
  return {};
}

}  // namespace supermachine::cli
