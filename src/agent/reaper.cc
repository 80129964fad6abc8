// SPDX-License-Identifier: Apache-2.0
#include "agent/reaper.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <array>
#include <csignal>

#include "base/sys.h"

namespace supermachine::agent {

Result<std::unique_ptr<Reaper>> Reaper::create(EventLoop& loop) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &mask, nullptr); error != 0) {
    return Error::from_errno("pthread_sigmask", error);
  }
  UniqueFd signals(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::from_errno("signalfd");
  std::unique_ptr<Reaper> reaper(new Reaper(loop, std::move(signals)));
  SM_TRY(
      loop.add(reaper->signals_.get(), EPOLLIN, [r = reaper.get()](std::uint32_t) { r->reap(); }));
  return reaper;
}

Reaper::~Reaper() { loop_.remove(signals_.get()); }

void Reaper::reap() {
  // Signals coalesce: one SIGCHLD may stand for many children, so clear it first and ask the
  // kernel.
  std::array<std::byte, 8 * sizeof(signalfd_siginfo)> pending;
  static_cast<void>(sys::try_read(signals_.get(), pending).ok());
  for (;;) {
    int status = 0;
    rusage usage{};
    const pid_t pid = ::wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    auto node = watchers_.extract(pid);
    if (!node.empty()) node.mapped()(status, usage);  // may watch another
  }
}

}  // namespace supermachine::agent
