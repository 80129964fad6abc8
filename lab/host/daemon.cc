// SPDX-License-Identifier: Apache-2.0
#include "host/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <vector>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::lab {
namespace {

constexpr std::chrono::seconds kIdleCheck{5};
constexpr std::chrono::seconds kStopLimit{20};
constexpr std::chrono::seconds kSlack{15};
constexpr std::chrono::milliseconds kPollInterval{50};
constexpr char kReady = '+';  // on the report pipe; anything else is an error's text

class Daemon {
 public:
  Daemon(const StateDir& state, EventLoop& loop, DaemonConfig config, UniqueFd report)
      : state_(state), loop_(loop), config_(std::move(config)), report_(std::move(report)) {}

  Status run() {
    Keeper::Callbacks callbacks;
    callbacks.on_ready = [this] { on_ready(); };
    callbacks.on_end = [this](Status why) {
      ended_ = std::move(why);
      loop_.stop();
    };
    keeper_ = SM_TRY(Keeper::create(loop_, config_.keeper, std::move(callbacks)));
    SM_TRY(loop_.run());
    ::unlink(state_.sessions_socket().c_str());
    ::unlink(state_.control_socket().c_str());
    return std::move(ended_);
  }

  void report(std::string_view text) {
    if (!report_) return;
    // A starter that is gone doesn't want the lab.
    if (!write_all(report_.get(), std::as_bytes(std::span(text))).ok()) keeper_->shut_down();
    report_ = UniqueFd();
  }

 private:
  void on_ready() {
    if (const Status listening = listen(); !listening.ok()) {
      report(listening.error().message());
      return keeper_->shut_down();
    }
    idle_since_ = std::chrono::steady_clock::now();
    check_idle();
    report(std::string(1, kReady));
  }

  Status listen() {
    sessions_ = SM_TRY(listen_at(state_.sessions_socket(), [this](UniqueFd stream) {
      idle_since_ = std::chrono::steady_clock::now();
      static_cast<void>(
          keeper_->attach(std::move(stream)).ok());  // refused: the caller sees its end
    }));
    control_ = SM_TRY(listen_at(state_.control_socket(), [this](UniqueFd stream) {
      waiting_for_end_.push_back(std::move(stream));
      keeper_->shut_down();
    }));
    return {};
  }

  Result<UniqueFd> listen_at(const std::string& path, std::function<void(UniqueFd)> serve) {
    ::unlink(path.c_str());  // of a lab that was killed: we have the lock
    UniqueFd listener = SM_TRY(sys::unix_listen(path));
    SM_TRY(sys::set_nonblocking(listener.get(), true));
    SM_TRY(loop_.add(listener.get(), EPOLLIN,
                     [fd = listener.get(), serve = std::move(serve)](std::uint32_t) {
                       auto stream = sys::accept(fd);
                       if (stream.ok() && stream.value()) serve(std::move(*stream.value()));
                     }));
    return listener;
  }

  void check_idle() {
    const auto now = std::chrono::steady_clock::now();
    if (keeper_->sessions() > 0) idle_since_ = now;
    if (now - idle_since_ >= config_.idle_limit) return keeper_->shut_down();
    loop_.call_at(deadline_in(kIdleCheck), [this] { check_idle(); });
  }

  const StateDir& state_;
  EventLoop& loop_;  // not owned; outlives us
  DaemonConfig config_;
  UniqueFd report_;
  Deadline idle_since_;
  Status ended_;
  UniqueFd sessions_;
  UniqueFd control_;
  std::vector<UniqueFd> waiting_for_end_;  // closed when we end
  std::unique_ptr<Keeper> keeper_;
};

Status serve(const StateDir& state, DaemonConfig config, UniqueFd report) {
  const auto loop = SM_TRY(EventLoop::create());
  Daemon daemon(state, *loop, std::move(config), std::move(report));
  Status ended = daemon.run();
  if (!ended.ok()) daemon.report(ended.error().message());
  return ended;
}

// In the child of start_daemon(): nothing of the caller's stays open or in use.
[[noreturn]] void become_daemon(const StateDir& state, DaemonConfig config, UniqueFd lock,
                                UniqueFd report) {
  ::setsid();
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR || ::signal(SIGHUP, SIG_IGN) == SIG_ERR) ::_exit(1);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  // Two descriptors survive, as 3 and 4, closed on exec.
  const int safe_lock = ::fcntl(lock.release(), F_DUPFD, 10);
  const int safe_report = ::fcntl(report.release(), F_DUPFD, 10);
  const UniqueFd kept_lock(::dup3(safe_lock, 3, O_CLOEXEC));
  UniqueFd kept_report(::dup3(safe_report, 4, O_CLOEXEC));
  ::syscall(SYS_close_range, 5, ~0U, 0);
  if (::chdir("/") != 0) ::_exit(1);
  const std::string pid = std::to_string(::getpid());
  static_cast<void>(::ftruncate(kept_lock.get(), 0));
  static_cast<void>(write_all(kept_lock.get(), std::as_bytes(std::span(pid))).ok());
  ::_exit(serve(state, std::move(config), std::move(kept_report)).ok() ? 0 : 1);
}

Status await_report(int report, Deadline deadline) {
  std::string text;
  std::array<std::byte, 4096> chunk;
  for (;;) {
    if (!SM_TRY(sys::wait_ready(report, POLLIN, deadline))) {
      return Error(Errc::kTimeout, "the lab did not start in time");
    }
    const std::size_t got = SM_TRY(sys::read(report, chunk));
    // Characters and bytes share one representation.
    text.append(reinterpret_cast<const char*>(chunk.data()), got);
    if (text.starts_with(kReady)) return {};
    if (got == 0) break;
  }
  return Error(Errc::kOs, text.empty() ? "the lab ended while it was starting" : text);
}

Status kill_holder(const StateDir& state) {
  const std::string text = SM_TRY(read_file(state.path() + "/lock", 64));
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  if (pid > 1) ::kill(pid, SIGKILL);
  return {};
}

bool wait_unlocked(const StateDir& state, Deadline deadline) {
  for (;;) {
    const auto lock = state.try_lock();
    if (lock.ok() && lock.value()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::poll(nullptr, 0, static_cast<int>(kPollInterval.count()));
  }
}

}  // namespace

Status start_daemon(const StateDir& state, DaemonConfig config) {
  const auto boot_limit = config.keeper.boot_limit;
  const Deadline deadline = deadline_in(boot_limit + kSlack);
  std::optional<UniqueFd> lock;
  for (;;) {
    lock = SM_TRY(state.try_lock());
    if (lock || state.connect()) break;
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Errc::kTimeout, "another lab of yours is running a command; it ends by itself");
    }
    ::poll(nullptr, 0, static_cast<int>(kPollInterval.count()));
  }
  if (!lock) return {};  // it runs already

  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  const UniqueFd report(ends[0]);
  UniqueFd report_end(ends[1]);
  config.keeper.console_log = state.console_log();
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno("fork");
  if (pid == 0) {
    become_daemon(state, std::move(config), std::move(*lock), std::move(report_end));
  }
  report_end = UniqueFd();
  lock.reset();  // the child has its own
  return await_report(report.get(), deadline);
}

Status stop_daemon(const StateDir& state) {
  auto control = sys::unix_connect(state.control_socket());
  if (!control.ok()) {
    const auto lock = SM_TRY(state.try_lock());
    if (lock) return {};  // none runs
    return Error(Errc::kNotFound, "no lab stays up; one that runs a command ends by itself");
  }
  if (wait_unlocked(state, deadline_in(kStopLimit))) return {};
  SM_TRY(kill_holder(state));
  if (wait_unlocked(state, deadline_in(kStopLimit))) return {};
  return Error(Errc::kTimeout, "the lab does not end");
}

}  // namespace supermachine::lab
