// SPDX-License-Identifier: Apache-2.0
#include "agent/workload_process.h"

#include <sys/wait.h>

#include <csignal>

#include "agent/command.h"
#include "agent/scratch.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;

// A workload that writes without pause must not keep the loop from the calls.
constexpr int kReadsPerTurn = 16;

// As for other commands: what comes without such a pause belongs to it, for so long at most.
constexpr milliseconds kGrace{100};
constexpr milliseconds kMaxGrace{1000};

// A server writes a line for each request. They are read together, unless there are many: the pipe
// holds 64 KiB, and a workload that fills it would have to wait.
constexpr milliseconds kReadPause{5};
constexpr std::size_t kMuch = 4096;

}  // namespace

Result<std::shared_ptr<WorkloadProcess>> WorkloadProcess::start(Services& services, Users& users,
                                                                rpc::ExecRequest request) {
  const User user = SM_TRY(prepare_command(request, users));
  std::shared_ptr<WorkloadProcess> workload(
      new WorkloadProcess(services, SM_TRY(Stdio::create(false, false, {}, user))));
  SM_TRY(workload->watch(workload->out_));
  SM_TRY(workload->watch(workload->err_));
  SM_TRY(workload->spawn_command(request, user));
  return workload;
}

WorkloadProcess::~WorkloadProcess() {
  if (grace_) services_.loop.cancel(*grace_);
  if (running_) services_.reaper.forget(pid_);
  close(out_);
  close(err_);
}

Status WorkloadProcess::spawn_command(const rpc::ExecRequest& request, const User& user) {
  const SpawnRequest spawning{.argv = request.argv,
                              .env = request.env,
                              .cwd = request.cwd,
                              .user = user,
                              .in = stdio_.command_in.get(),
                              .out = stdio_.command_out.get(),
                              .err = stdio_.command_err.get(),
                              .tty = false};
  started_ = Clock::now();
  const Spawned spawned = SM_TRY(spawn(spawning));
  if (spawned.pid < 0 && spawned.failed_step != SpawnStep::kExec) {
    return explain_spawn(spawning, spawned);
  }
  if (spawned.pid < 0) {
    const ExecFailure failure = explain_exec_failure(spawning, spawned.failed_errno);
    return Error(failure.exit_code == 127 ? Errc::kNotFound : Errc::kInvalidArgument,
                 failure.message);
  }
  pid_ = spawned.pid;
  running_ = true;
  stdio_.close_command_ends();
  services_.reaper.watch(pid_, [this](int status, const rusage& usage) { on_exit(status, usage); });
  return {};
}

Status WorkloadProcess::watch(Pipe& pipe) {
  SM_TRY(services_.loop.add(pipe.fd.get(), EPOLLIN,
                            [this, &pipe](std::uint32_t) { read_then_pause(pipe); }));
  pipe.watched = true;
  return {};
}

// How much there was.
std::size_t WorkloadProcess::read(Pipe& pipe) {
  std::size_t sum = 0;
  for (int turn = 0; turn < kReadsPerTurn && pipe.fd; ++turn) {
    const auto got = sys::try_read(pipe.fd.get(), scratch());
    if (got.ok() && !got.value()) break;
    if (!got.ok() || *got.value() == 0) {
      close(pipe);
      break;
    }
    sum += *got.value();
    output_.append(pipe.type, scratch().first(*got.value()));
    tell();  // after each read: who keeps up misses nothing
  }
  return sum;
}

void WorkloadProcess::read_then_pause(Pipe& pipe) {
  if (read(pipe) >= kMuch || !pipe.fd) return;
  // Not by asking for no events: a hang-up would be reported all the same.
  services_.loop.remove(pipe.fd.get());
  pipe.watched = false;
  pipe.pause = services_.loop.call_at(deadline_in(kReadPause), [this, &pipe] {
    pipe.pause.reset();
    if (!watch(pipe).ok()) close(pipe);  // out of kernel memory
  });
}

void WorkloadProcess::close(Pipe& pipe) {
  if (pipe.pause) services_.loop.cancel(*pipe.pause);
  pipe.pause.reset();
  if (pipe.watched) services_.loop.remove(pipe.fd.get());
  pipe.watched = false;
  pipe.fd = UniqueFd();
}

void WorkloadProcess::on_exit(int status, const rusage& usage) {
  running_ = false;
  ended_ = Clock::now();
  if (WIFSIGNALED(status)) {
    status_.signal = static_cast<std::uint32_t>(WTERMSIG(status));
  } else {
    status_.code = static_cast<std::uint32_t>(WEXITSTATUS(status));
  }
  status_.peak_rss_kib = static_cast<std::uint64_t>(std::max(usage.ru_maxrss, 0L));
  status_.duration_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(ended_ - started_).count());
  conclude_when_quiet({});
}

// Processes that it left behind may hold the pipes for as long as they like.
void WorkloadProcess::conclude_when_quiet(std::optional<std::uint64_t> since) {
  read(out_);
  read(err_);
  const std::uint64_t now = output_.end();
  if ((!out_.fd && !err_.fd) || since == now || Clock::now() > ended_ + kMaxGrace) {
    outcome_ = status_;
    return tell();
  }
  grace_ = services_.loop.call_at(deadline_in(kGrace), [this, now] {
    grace_.reset();
    conclude_when_quiet(now);
  });
}

std::string WorkloadProcess::describe_end() const {
  std::string text = outcome_->signal != 0
                         ? "was ended by signal " + std::to_string(outcome_->signal)
                         : "exited with " + std::to_string(outcome_->code);
  if (const std::string line = output_.last_line(); !line.empty()) text += ": " + line;
  return text;
}

Status WorkloadProcess::signal(int number) const {
  if (!running_) return Error(Errc::kNotFound, "the workload has ended");
  if (number == SIGKILL) {
    signal_session(pid_, SIGKILL);
  } else {
    signal_group(pid_, number);
  }
  return {};
}

WorkloadProcess::WatchId WorkloadProcess::watch(std::function<void()> on_news) {
  watchers_.emplace(next_watch_, std::move(on_news));
  return next_watch_++;
}

void WorkloadProcess::tell() {
  for (const auto& [id, on_news] : watchers_) on_news();
}

}  // namespace supermachine::agent
