// SPDX-License-Identifier: Apache-2.0
#include "agent/workload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "agent/scratch.h"
#include "agent/spawn.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

constexpr std::size_t kKeptOutput = 2048;
constexpr int kReadsPerTurn = 16;

Status make_fifo(const std::string& path, mode_t mode) {
  if (::mkfifo(path.c_str(), mode) == 0) return {};
  if (errno != EEXIST || ::unlink(path.c_str()) != 0 || ::mkfifo(path.c_str(), mode) != 0) {
    return Error::from_errno("mkfifo " + path);
  }
  return {};
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const std::size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

}  // namespace

Result<std::unique_ptr<ReadyPipes>> ReadyPipes::create(EventLoop& loop,
                                                       const std::string& directory,
                                                       std::function<void()> on_ready) {
  const std::string ready_path = directory + "/ready";
  std::string resumed_path = directory + "/resumed";
  SM_TRY(make_fifo(ready_path, 0622));
  SM_TRY(make_fifo(resumed_path, 0644));
  // For writing too: else the pipe would be at its end, and say so for ever, after each writer.
  UniqueFd ready = SM_TRY(sys::open(ready_path, O_RDWR | O_NONBLOCK));
  if (::fchmod(ready.get(), 0622) != 0) return Error::from_errno("fchmod");  // past the umask
  std::unique_ptr<ReadyPipes> pipes(
      new ReadyPipes(loop, std::move(ready), std::move(resumed_path), std::move(on_ready)));
  SM_TRY(loop.add(pipes->ready_.get(), EPOLLIN,
                  [p = pipes.get()](std::uint32_t) { p->on_written(); }));
  return pipes;
}

ReadyPipes::~ReadyPipes() { loop_.remove(ready_.get()); }

void ReadyPipes::on_written() {
  const auto got = sys::try_read(ready_.get(), scratch());
  if (!got.ok() || !got.value()) return;
  kept_ = UniqueFd();  // of an earlier capture, and never read
  owed_ = true;
  on_ready_();
}

void ReadyPipes::resumed(const std::string& line) {
  kept_ = UniqueFd();
  const bool owed = std::exchange(owed_, false);
  const auto bytes = std::as_bytes(std::span(line));
  if (const auto fd = sys::open(resumed_path_, O_WRONLY | O_NONBLOCK); fd.ok()) {
    static_cast<void>(sys::try_write(fd.value().get(), bytes).ok());
    return;
  }
  // Nobody reads. Who said ready may not have come as far: the line waits in the pipe for as long
  // as we hold both of its ends.
  if (!owed) return;
  auto fd = sys::open(resumed_path_, O_RDWR | O_NONBLOCK);
  if (!fd.ok() || !sys::try_write(fd.value().get(), bytes).ok()) return;
  kept_ = std::move(fd).value();
}

Result<std::unique_ptr<Hook>> Hook::start(Services& services, const std::string& path,
                                          std::vector<std::string> env,
                                          std::chrono::milliseconds limit, Done done) {
  const User root;
  std::unique_ptr<Hook> hook(
      new Hook(services, path, SM_TRY(Stdio::create(false, false, {}, root)), std::move(done)));
  Hook& h = *hook;
  const std::string directory = "/";
  const std::vector<std::string> argv{path};
  const SpawnRequest request{.argv = argv,
                             .env = env,
                             .cwd = directory,
                             .user = root,
                             .in = h.stdio_.command_in.get(),
                             .out = h.stdio_.command_out.get(),
                             .err = h.stdio_.command_err.get(),
                             .tty = false};
  const Spawned spawned = SM_TRY(spawn(request));
  if (spawned.pid < 0) {
    return Error(Errc::kOs, explain_exec_failure(request, spawned.failed_errno).message);
  }
  h.pid_ = spawned.pid;
  h.stdio_.close_command_ends();
  services.reaper.watch(h.pid_, [&h](int status, const rusage&) { h.on_exit(status); });
  SM_TRY(services.loop.add(h.stdio_.out.get(), EPOLLIN,
                           [&h](std::uint32_t) { h.drain(h.stdio_.out, false); }));
  SM_TRY(services.loop.add(h.stdio_.err.get(), EPOLLIN,
                           [&h](std::uint32_t) { h.drain(h.stdio_.err, true); }));
  h.limit_ = limit;
  h.timeout_ = services.loop.call_at(deadline_in(limit), [&h] {
    h.timeout_.reset();
    h.timed_out_ = true;
    signal_session(h.pid_, SIGKILL);
  });
  return hook;
}

Hook::~Hook() {
  if (timeout_) services_.loop.cancel(*timeout_);
  for (const UniqueFd* fd : {&stdio_.out, &stdio_.err}) {
    if (*fd) services_.loop.remove(fd->get());
  }
  if (pid_ < 0) return;
  services_.reaper.forget(pid_);
  signal_session(pid_, SIGKILL);
}

void Hook::drain(UniqueFd& fd, bool keep) {
  for (int turn = 0; turn < kReadsPerTurn && fd; ++turn) {
    const auto got = sys::try_read(fd.get(), scratch());
    if (got.ok() && !got.value()) return;
    if (!got.ok() || *got.value() == 0) {
      services_.loop.remove(fd.get());
      fd = UniqueFd();
      return;
    }
    if (!keep) continue;
    said_ += rpc::FrameView{.payload = scratch().first(*got.value())}.text();
    if (said_.size() > kKeptOutput) said_.erase(0, said_.size() - kKeptOutput);
  }
}

void Hook::on_exit(int status) {
  pid_ = -1;
  drain(stdio_.err, true);
  Status result;
  if (status != 0) {
    std::string why = timed_out_ ? " did not end within " + std::to_string(limit_.count()) + " ms"
                      : WIFSIGNALED(status)
                          ? " was ended by signal " + std::to_string(WTERMSIG(status))
                          : " exited with " + std::to_string(WEXITSTATUS(status));
    if (const std::string_view line = last_line(said_); !line.empty()) {
      why += ": " + std::string(line);
    }
    result = Error(timed_out_ ? Errc::kTimeout : Errc::kGuestFault, path_ + why);
  }
  const Done done = std::move(done_);
  done(std::move(result));  // we may be gone after this
}

}  // namespace supermachine::agent
