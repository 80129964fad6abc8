// SPDX-License-Identifier: Apache-2.0
#include "host/relay.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/files.h"
#include "base/sys.h"
#include "client/exec.h"

namespace supermachine::lab {
namespace {

constexpr std::chrono::seconds kStartLimit{60};
constexpr std::chrono::seconds kSyncLimit{120};
constexpr std::size_t kMaxPending = std::size_t{256} << 10;
constexpr std::size_t kStdinChunk = std::size_t{32} << 10;
constexpr int kImpatience = 3;  // so many interrupts end a command that ignores them

// Bytes on their way to one of our streams, which may be slow and which we must not make
// non-blocking: it is shared with others.
class Outlet {
 public:
  explicit Outlet(int fd) : fd_(fd) {
    struct stat info {};
    regular_ = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  }

  void push(const std::string& data) {
    if (!closed_) pending_ += data;
  }
  [[nodiscard]] bool empty() const { return begin_ == pending_.size(); }
  [[nodiscard]] bool full() const { return pending_.size() - begin_ > kMaxPending; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] int fd() const { return fd_; }

  // Called when poll(2) has said that there is room: a pipe then has room for PIPE_BUF bytes.
  void write_some() {
    const std::string_view rest = std::string_view(pending_).substr(begin_);
    const auto chunk = rest.substr(0, regular_ ? rest.size() : std::size_t{PIPE_BUF});
    const auto sent = sys::try_write(fd_, std::as_bytes(std::span(chunk)));
    if (!sent.ok()) {
      closed_ = true;  // nobody reads it any more
      pending_.clear();
      begin_ = 0;
      return;
    }
    begin_ += sent.value().value_or(0);
    if (begin_ == pending_.size() || begin_ > kMaxPending) {
      pending_.erase(0, begin_);
      begin_ = 0;
    }
  }

 private:
  int fd_;
  bool regular_ = false;
  bool closed_ = false;
  std::string pending_;
  std::size_t begin_ = 0;
};

class Relay {
 public:
  Relay(client::ExecSession session, Signals& signals, bool tty)
      : session_(std::move(session)), signals_(signals), tty_(tty) {}

  Result<int> run(Deadline deadline) {
    for (;;) {
      SM_TRY(take_events());
      if (exit_code_ && out_.empty() && err_.empty()) return *exit_code_;
      if (out_.closed() && !exit_code_) return 128 + SIGPIPE;
      SM_TRY(feed_stdin());
      if (std::chrono::steady_clock::now() >= deadline && !exit_code_) {
        std::fputs("lab: the command was ended at its time limit\n", stderr);
        return kTimedOut;
      }
      SM_TRY(wait(exit_code_ ? Deadline::max() : deadline));
      if (given_up_) return *given_up_;
    }
  }

 private:
  Status take_events() {
    while (!exit_code_ && !out_.full() && !err_.full()) {
      auto event = SM_TRY(session_.try_event());
      if (!event) return {};
      if (const auto* out = std::get_if<client::ExecSession::Stdout>(&*event)) out_.push(out->data);
      if (const auto* err = std::get_if<client::ExecSession::Stderr>(&*event)) err_.push(err->data);
      if (const auto* end = std::get_if<rpc::ExitStatus>(&*event)) {
        exit_code_ = static_cast<int>(end->signal != 0 ? 128 + end->signal : end->code);
      }
    }
    return {};
  }

  Status feed_stdin() {
    while (!input_.empty() && session_.stdin_open()) {
      const std::size_t taken = SM_TRY(session_.try_write_stdin(std::as_bytes(std::span(input_))));
      if (taken == 0) return {};
      input_.erase(0, taken);
    }
    if (input_ended_ && input_.empty() && session_.stdin_open()) session_.close_stdin();
    return {};
  }

  Status wait(Deadline deadline) {
    enum { kSession, kSignals, kIn, kOut, kErr, kCount };
    std::array<pollfd, kCount> fds;
    fds.fill({.fd = -1, .events = 0, .revents = 0});
    const bool stuck = out_.full() || err_.full();
    const bool unsent = session_.wants_write();
    if (!exit_code_ && (!stuck || unsent)) {
      fds[kSession] = {.fd = session_.fd(),
                       .events = static_cast<short>((stuck ? 0 : POLLIN) | (unsent ? POLLOUT : 0)),
                       .revents = 0};
    }
    fds[kSignals] = {.fd = signals_.fd(), .events = POLLIN, .revents = 0};
    if (!exit_code_ && input_.empty() && !input_ended_) {
      fds[kIn] = {.fd = 0, .events = POLLIN, .revents = 0};
    }
    if (!out_.empty()) fds[kOut] = {.fd = out_.fd(), .events = POLLOUT, .revents = 0};
    if (!err_.empty()) fds[kErr] = {.fd = err_.fd(), .events = POLLOUT, .revents = 0};
    if (::poll(fds.data(), fds.size(), poll_timeout_ms(deadline)) < 0 && errno != EINTR) {
      return Error::from_errno("poll");
    }
    if (fds[kSignals].revents != 0) SM_TRY(pass_signals());
    if (fds[kIn].revents != 0) read_stdin();
    if (fds[kOut].revents != 0) out_.write_some();
    if (fds[kErr].revents != 0) err_.write_some();
    return {};
  }

  void read_stdin() {
    input_.resize(kStdinChunk);
    const auto got = sys::try_read(0, std::as_writable_bytes(std::span(input_)));
    const bool ended = !got.ok() || got.value() == std::size_t{0};
    input_.resize(ended ? 0 : got.value().value_or(0));
    input_ended_ = ended;
  }

  Status pass_signals() {
    while (const auto signal = signals_.next()) {
      if (*signal == SIGWINCH) {
        if (tty_) SM_TRY(session_.resize(window_size()));
        continue;
      }
      if (exit_code_ ||
          ((*signal == SIGINT || *signal == SIGTERM) && ++interrupts_ >= kImpatience)) {
        given_up_ = 128 + *signal;
        return {};
      }
      SM_TRY(session_.signal(*signal));
    }
    return {};
  }

  client::ExecSession session_;
  Signals& signals_;
  bool tty_;
  Outlet out_{1};
  Outlet err_{2};
  std::string input_;
  bool input_ended_ = false;
  int interrupts_ = 0;
  std::optional<int> exit_code_;
  std::optional<int> given_up_;
};

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("TMPDIR=") || text.starts_with("SUPERMACHINE_IN_LAB=")) continue;
    out.emplace_back(text);
  }
  out.emplace_back("TMPDIR=/dev/shm/tmp");
  out.emplace_back("SUPERMACHINE_IN_LAB=1");
  return out;
}

}  // namespace

Result<int> run_command(const client::Connector& connect, const Command& command,
                        Signals& signals) {
  const Deadline deadline = command.limit ? deadline_in(*command.limit) : Deadline::max();
  std::error_code error;
  const auto directory = std::filesystem::current_path(error);
  if (error) return Error::from_errno("the current directory", error.value());

  rpc::ExecRequest request;
  request.argv = command.argv;
  request.env = environment();
  request.cwd = directory.string();
  request.with_stdin = true;
  request.tty = is_interactive();
  if (request.tty) request.window = window_size();
  auto session = SM_TRY(client::ExecSession::start(connect, request, deadline_in(kStartLimit)));

  std::optional<RawMode> raw;
  if (request.tty) raw.emplace(SM_TRY(RawMode::enter()));
  return Relay(std::move(session), signals, request.tty).run(deadline);
}

Status sync_files(const client::Connector& connect) {
  const Deadline deadline = deadline_in(kSyncLimit);
  auto connection = SM_TRY(client::Connection::create(SM_TRY(connect(deadline))));
  connection.send(rpc::FrameType::kSync);
  const auto answer = SM_TRY(connection.next(deadline));
  if (answer.type == rpc::FrameType::kOk) return {};
  return Error(Errc::kOs, "the lab could not write its files back");
}

}  // namespace supermachine::lab
