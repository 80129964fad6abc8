// SPDX-License-Identifier: Apache-2.0
#include "agent/exec_call.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "agent/command.h"
#include "agent/scratch.h"
#include "agent/spawn.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;

// One command that writes without pause must not keep the loop from the others.
constexpr int kReadsPerTurn = 16;

// A command may leave processes behind that hold its streams. What they write is carried on while
// it comes without such a pause, and at most for so long.
constexpr milliseconds kGrace{100};
constexpr milliseconds kMaxGrace{1000};

// Between the hang-up of a terminal and the end of those who ignored it.
constexpr milliseconds kHangUpGrace{200};

constexpr std::size_t kCreditStep = rpc::kStdinWindow / 4;

std::size_t bytes_waiting(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? static_cast<std::size_t>(std::max(count, 0)) : 0;
}

}  // namespace

Result<std::unique_ptr<ExecCall>> ExecCall::create(CallContext context, rpc::ExecRequest request) {
  User user = SM_TRY(prepare_command(request, context.users));
  Stdio stdio = SM_TRY(Stdio::create(request.tty, request.with_stdin, request.window, user));
  return std::unique_ptr<ExecCall>(
      new ExecCall(std::move(context), std::move(request), std::move(user), std::move(stdio)));
}

ExecCall::ExecCall(CallContext context, rpc::ExecRequest request, User user, Stdio stdio)
    : context_(std::move(context)),
      request_(std::move(request)),
      user_(std::move(user)),
      stdio_(std::move(stdio)),
      out_{.type = rpc::FrameType::kStdout, .fd = std::move(stdio_.out)},
      err_{.type = rpc::FrameType::kStderr, .fd = std::move(stdio_.err)} {}

ExecCall::~ExecCall() {
  dying_ = true;  // nothing is sent any more
  cancel_timers();
  if (pid_ > 0) context_.services.reaper.forget(pid_);
  close_stdin();
  close_output(out_);
  close_output(err_);
}

Status ExecCall::start() {
  started_ = Clock::now();
  SM_TRY(spawn_step());
  if (finished_ || dying_) return {};
  set_watched(out_, true);
  set_watched(err_, true);
  if (request_.timeout_ms != 0) {
    const milliseconds limit(std::min<std::uint64_t>(request_.timeout_ms, 1ULL << 40));
    timeout_ = context_.services.loop.call_at(deadline_in(limit), [this] { on_timeout(); });
  }
  return {};
}

Status ExecCall::spawn_step() {
  const std::size_t step = status_.step;
  const SpawnRequest request{
      .argv = step == 0 ? request_.argv : request_.chain[step - 1],
      .env = request_.env,
      .cwd = request_.cwd,
      .user = user_,
      .in = stdio_.command_in.get(),
      .out = stdio_.command_out.get(),
      .err = stdio_.command_err.get(),
      .tty = request_.tty,
  };
  const Spawned spawned = SM_TRY(spawn(request));
  if (spawned.pid > 0) {
    pid_ = spawned.pid;
    context_.services.reaper.watch(
        pid_, [this](int status, const rusage& usage) { on_exit(status, usage); });
    if (step == request_.chain.size()) stdio_.close_command_ends();
    // A short command has its first output before this is worth a packet of its own.
    if (step == 0) {
      context_.channel.send_soon(rpc::Started{.pid = static_cast<std::uint32_t>(pid_)});
    }
    return {};
  }
  if (spawned.failed_step != SpawnStep::kExec) return explain_spawn(request, spawned);
  const ExecFailure failure = explain_exec_failure(request, spawned.failed_errno);
  const std::string line = failure.message.substr(0, 4096) + (request_.tty ? "\r\n" : "\n");
  context_.channel.send(request_.tty ? rpc::FrameType::kStdout : rpc::FrameType::kStderr,
                        std::as_bytes(std::span(line)));
  status_.code = static_cast<std::uint32_t>(failure.exit_code);
  end_of_commands();
  return {};
}

void ExecCall::on_exit(int status, const rusage& usage) {
  pid_ = -1;
  status_.peak_rss_kib =
      std::max(status_.peak_rss_kib, static_cast<std::uint64_t>(std::max(usage.ru_maxrss, 0L)));
  if (dying_) return context_.end(CallEnd::kGone);
  const bool succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (succeeded && !status_.timed_out && status_.step < request_.chain.size()) {
    ++status_.step;
    if (const Status spawned = spawn_step(); !spawned.ok()) {
      context_.channel.send(rpc::to_failure(spawned.error()));
      finished_ = true;
      context_.end(CallEnd::kFailed);
    }
    return;
  }
  if (WIFSIGNALED(status)) {
    status_.signal = static_cast<std::uint32_t>(WTERMSIG(status));
  } else {
    status_.code = static_cast<std::uint32_t>(WEXITSTATUS(status));
  }
  end_of_commands();
}

void ExecCall::end_of_commands() {
  commands_over_ = true;
  ended_ = Clock::now();
  cancel_timers();
  stdio_.close_command_ends();
  close_stdin();
  pump_all();
  // Most are at their end now. What is not has a process left that holds it, or a host that does
  // not read.
  for (Output* output : {&out_, &err_}) {
    if (output->fd) output->owed = bytes_waiting(output->fd.get());
  }
  maybe_finish();
  if (!finished_ && !dying_) start_grace();
}

void ExecCall::start_grace() {
  grace_ = context_.services.loop.call_at(deadline_in(kGrace), [this, before = carried_] {
    grace_.reset();
    const bool owes = out_.owed != 0 || err_.owed != 0;
    if (owes || (carried_ != before && Clock::now() < ended_ + kMaxGrace)) return start_grace();
    close_output(out_);
    close_output(err_);
    maybe_finish();
  });
}

void ExecCall::on_output_event(Output& output) {
  // Level-triggered, and a hang-up is reported whatever one asks for: stop listening while the host
  // does not take what it has.
  if (context_.channel.blocked()) return set_watched(output, false);
  pump(output);
  maybe_finish();
}

void ExecCall::pump(Output& output) {
  for (int turn = 0; turn < kReadsPerTurn && output.fd; ++turn) {
    if (context_.channel.blocked() || context_.channel.broken()) return;
    const auto got = sys::try_read(output.fd.get(), scratch());
    if (got.ok() && !got.value()) {
      output.owed = 0;
      return;
    }
    // A terminal reports its end as EIO.
    if (!got.ok() || *got.value() == 0) return close_output(output);
    const std::size_t count = *got.value();
    carried_ += count;
    output.owed -= std::min(output.owed, count);
    context_.channel.send(output.type, scratch().first(count));
    // The next read would find nothing; once the command is over it may find the end.
    if (count < scratch().size() && !commands_over_) return;
  }
}

void ExecCall::pump_all() {
  for (Output* output : {&out_, &err_}) {
    if (output->fd) pump(*output);
  }
}

void ExecCall::set_watched(Output& output, bool watched) {
  if (!output.fd || output.watched == watched) return;
  EventLoop& loop = context_.services.loop;
  if (!watched) {
    loop.remove(output.fd.get());
  } else if (!loop.add(output.fd.get(), EPOLLIN,
                       [this, &output](std::uint32_t) { on_output_event(output); })
                  .ok()) {
    return close_output(output);  // out of kernel memory: the command gets SIGPIPE
  }
  output.watched = watched;
}

void ExecCall::close_output(Output& output) {
  set_watched(output, false);
  output.fd = UniqueFd();
  output.owed = 0;
}

void ExecCall::maybe_finish() {
  if (finished_ || dying_ || !commands_over_ || out_.fd || err_.fd) return;
  finished_ = true;
  cancel_timers();
  status_.duration_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(ended_ - started_).count());
  context_.channel.send(status_);
  context_.end(CallEnd::kInOrder);
}

void ExecCall::on_drained() {
  if (dying_ || finished_) return;
  set_watched(out_, true);
  set_watched(err_, true);
  pump_all();
  maybe_finish();
}

Status ExecCall::on_frame(const rpc::FrameView& frame) {
  switch (frame.type) {
    case rpc::FrameType::kStdin:
      return on_stdin(frame.payload);
    case rpc::FrameType::kStdinEof:
      stdin_eof_ = true;
      feed_stdin();
      return {};
    case rpc::FrameType::kSignal: {
      const auto signal = SM_TRY(rpc::decode<rpc::Signal>(frame.payload));
      if (pid_ > 0) signal_group(pid_, static_cast<int>(signal.number));
      return {};
    }
    case rpc::FrameType::kResize: {
      const auto resize = SM_TRY(rpc::decode<rpc::Resize>(frame.payload));
      if (request_.tty && out_.fd) SM_TRY(set_window(out_.fd.get(), resize.window));
      return {};
    }
    default:
      return Error(Errc::kCorrupt, "a frame that does not belong into an exec call");
  }
}

Status ExecCall::on_stdin(std::span<const std::byte> bytes) {
  if (stdin_eof_) return Error(Errc::kCorrupt, "standard input after its end");
  if (stdin_.size() - stdin_begin_ + bytes.size() > rpc::kStdinWindow) {
    return Error(Errc::kCorrupt, "standard input beyond the window");
  }
  if (!stdio_.in) {  // the command closed it, or is over
    give_credit(bytes.size());
    return {};
  }
  stdin_.insert(stdin_.end(), bytes.begin(), bytes.end());
  feed_stdin();
  return {};
}

void ExecCall::feed_stdin() {
  EventLoop& loop = context_.services.loop;
  while (stdio_.in && stdin_begin_ < stdin_.size()) {
    const auto wrote =
        sys::try_write(stdio_.in.get(), std::span<const std::byte>(stdin_).subspan(stdin_begin_));
    if (!wrote.ok()) return close_stdin();  // nobody reads it any more
    if (!wrote.value()) {
      if (stdin_watched_) return;
      stdin_watched_ =
          loop.add(stdio_.in.get(), EPOLLOUT, [this](std::uint32_t) { feed_stdin(); }).ok();
      if (!stdin_watched_) close_stdin();
      return;
    }
    stdin_begin_ += *wrote.value();
    give_credit(*wrote.value());
  }
  std::vector<std::byte>().swap(stdin_);
  stdin_begin_ = 0;
  if (stdin_watched_) loop.remove(stdio_.in.get());
  stdin_watched_ = false;
  if (!stdin_eof_ || !stdio_.in) return;
  if (request_.tty) {
    if (const auto end = end_of_input(stdio_.in.get())) {
      static_cast<void>(sys::try_write(stdio_.in.get(), std::span(&*end, 1)).ok());
    }
  }
  close_stdin();
}

void ExecCall::close_stdin() {
  if (stdin_watched_) context_.services.loop.remove(stdio_.in.get());
  stdin_watched_ = false;
  stdio_.in = UniqueFd();
  give_credit(stdin_.size() - stdin_begin_);
  std::vector<std::byte>().swap(stdin_);
  stdin_begin_ = 0;
}

void ExecCall::give_credit(std::size_t bytes) {
  credit_owed_ += bytes;
  if (credit_owed_ < kCreditStep || dying_ || finished_) return;
  context_.channel.send(
      rpc::StdinCredit{.bytes = static_cast<std::uint32_t>(std::exchange(credit_owed_, 0))});
}

void ExecCall::on_timeout() {
  timeout_.reset();
  if (pid_ <= 0) return;
  status_.timed_out = true;
  signal_session(pid_, SIGKILL);
}

void ExecCall::on_broken() {
  if (dying_) return;
  dying_ = true;
  cancel_timers();
  stdio_.close_command_ends();
  close_stdin();
  close_output(out_);  // of a terminal: hangs it up
  close_output(err_);
  if (pid_ <= 0) return context_.end(CallEnd::kGone);
  if (!request_.tty) return signal_session(pid_, SIGKILL);
  signal_session(pid_, SIGHUP);
  timeout_ = context_.services.loop.call_at(deadline_in(kHangUpGrace), [this] {
    timeout_.reset();
    if (pid_ > 0) signal_session(pid_, SIGKILL);
  });
}

void ExecCall::cancel_timers() {
  if (timeout_) context_.services.loop.cancel(*timeout_);
  if (grace_) context_.services.loop.cancel(*grace_);
  timeout_.reset();
  grace_.reset();
}

}  // namespace supermachine::agent
