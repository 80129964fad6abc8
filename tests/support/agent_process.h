// SPDX-License-Identifier: Apache-2.0
// The agent's server in a process of its own, on a unix socket: calls without a VM. A fork, because
// the server reaps every child of its process.
#pragma once

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "agent/doorbell.h"
#include "agent/restore.h"
#include "agent/server.h"
#include "base/files.h"
#include "base/sys.h"
#include "client/connection.h"
#include "client/control.h"
#include "fake_kernel.h"

namespace supermachine {

class AgentProcess {
 public:
  enum class Control { kNone, kRings };

  // `root` as in agent::Services. A shutdown call ends the process. An agent that rings has a
  // FakeKernel in `root`.
  explicit AgentProcess(const std::string& root = {}, Control control = Control::kNone)
      : dir_(TempDir::create().value()) {
    UniqueFd listener = sys::unix_listen(path()).value();
    if (control == Control::kRings) control_ = sys::unix_listen(control_path()).value();
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(serve(std::move(listener), root).ok() ? 0 : 1);
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
  // Takes the connection that the agent opened.
  [[nodiscard]] Result<client::ControlConnection> control(Deadline deadline) const {
    SM_TRY(sys::wait_ready(control_.get(), POLLIN, deadline));
    auto stream = SM_TRY(sys::accept(control_.get()));
    if (!stream) return Error(Errc::kTimeout, "the agent does not ring");
    return client::ControlConnection::create(*std::move(stream), deadline);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits for its own end, after a shutdown call; the exit status as from wait(2).
  int wait() {
    int status = -1;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  Status serve(UniqueFd listener, const std::string& root) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // as the first process of a guest is by nature
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (::signal(signal, SIG_IGN) == SIG_ERR) return Error::from_errno("signal");
    }
    const auto loop = SM_TRY(EventLoop::create());
    const auto reaper = SM_TRY(agent::Reaper::create(*loop));
    const auto stop = [&loop = *loop] { loop.stop(); };
    const agent::Services services{.loop = *loop,
                                   .reaper = *reaper,
                                   .root = root,
                                   .shutdown = stop,
                                   .linger = std::chrono::milliseconds(100)};
    agent::Server server(services);
    SM_TRY(server.listen(std::move(listener)));
    if (!control_) return loop->run();

    FakeKernel kernel(root);
    agent::Restore restore(services, server, kernel);
    const auto handle = [&restore](const rpc::FrameView& request, agent::Restore::Answer answer) {
      restore.handle(request, std::move(answer));
    };
    agent::Doorbell doorbell(*loop, rpc::Hello{},
                             {.connect = [this] { return sys::unix_connect(control_path()); },
                              .shutdown = stop,
                              .request = handle});
    restore.listen_for_workload([&doorbell] { doorbell.say_ready(); });
    doorbell.ring();
    return loop->run();
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/agent.sock"; }
  [[nodiscard]] std::string control_path() const { return dir_.path() + "/control.sock"; }

  TempDir dir_;
  UniqueFd control_;  // a listener, in place of the host's
  pid_t pid_ = -1;
};

}  // namespace supermachine
