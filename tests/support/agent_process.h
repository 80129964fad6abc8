// The agent's server in a process of its own, on a unix socket: calls without a VM. A fork, because
// the server reaps every child of its process.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <string>

#include "agent/server.h"
#include "base/files.h"
#include "base/sys.h"
#include "client/connection.h"

namespace supermachine {

class AgentProcess {
 public:
  // `root` as in agent::Services. A shutdown call ends the process.
  explicit AgentProcess(std::string root = {}) : dir_(TempDir::create().value()) {
    UniqueFd listener = sys::unix_listen(path()).value();
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(serve(std::move(listener), std::move(root)).ok() ? 0 : 1);
    SM_CHECK(pid_ > 0);
  }
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;
  ~AgentProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] client::Connector connector() const {
    return [path = path()](Deadline) { return sys::unix_connect(path); };
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits for its own end, after a shutdown call; the exit status as from wait(2).
  int wait() {
    int status = -1;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  static Status serve(UniqueFd listener, std::string root) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // as the first process of a guest is by nature
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (::signal(signal, SIG_IGN) == SIG_ERR) return Error::from_errno("signal");
    }
    const auto loop = SM_TRY(EventLoop::create());
    const auto reaper = SM_TRY(agent::Reaper::create(*loop));
    agent::Server server({.loop = *loop,
                          .reaper = *reaper,
                          .root = std::move(root),
                          .shutdown = [&loop = *loop] { loop.stop(); },
                          .linger = std::chrono::milliseconds(100)});
    SM_TRY(server.listen(std::move(listener)));
    return loop->run();
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/agent.sock"; }

  TempDir dir_;
  pid_t pid_ = -1;
};

}  // namespace supermachine
