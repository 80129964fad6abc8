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

}  // namespace

Result<std::shared_ptr<WorkloadProcess>> WorkloadProcess::start(Services& services, Users& users,
                                                                rpc::ExecRequest request) {
  const User user = SM_TRY(prepare_command(request, users));
  std::shared_ptr<WorkloadProcess> workload(
      new WorkloadProcess(services, SM_TRY(Stdio::create(false, false, {}, user))));
  SM_TRY(workload->watch_pipes());
  SM_TRY(workload->spawn_command(request, user));
  return workload;
}

WorkloadProcess::~WorkloadProcess() {
  if (grace_) services_.loop.cancel(*grace_);
  if (running_) services_.reaper.forget(pid_);
  close(stdio_.out);
  close(stdio_.err);
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

Status WorkloadProcess::watch_pipes() {
  SM_TRY(services_.loop.add(stdio_.out.get(), EPOLLIN,
                            [this](std::uint32_t) { read(stdio_.out, rpc::FrameType::kStdout); }));
  return services_.loop.add(stdio_.err.get(), EPOLLIN,
                            [this](std::uint32_t) { read(stdio_.err, rpc::FrameType::kStderr); });
}

void WorkloadProcess::read(UniqueFd& pipe, rpc::FrameType type) {
  for (int turn = 0; turn < kReadsPerTurn && pipe; ++turn) {
    const auto got = sys::try_read(pipe.get(), scratch());
    if (got.ok() && !got.value()) return;
    if (!got.ok() || *got.value() == 0) return close(pipe);
    output_.append(type, scratch().first(*got.value()));
    tell();  // after each read: who keeps up misses nothing
  }
}

void WorkloadProcess::close(UniqueFd& pipe) {
  if (pipe) services_.loop.remove(pipe.get());
  pipe = UniqueFd();
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
  read(stdio_.out, rpc::FrameType::kStdout);
  read(stdio_.err, rpc::FrameType::kStderr);
  const std::uint64_t now = output_.end();
  if ((!stdio_.out && !stdio_.err) || since == now || Clock::now() > ended_ + kMaxGrace) {
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
