// SPDX-License-Identifier: Apache-2.0
// The command that a guest is there for. It belongs to the agent and to no call: it goes on when
// the host's connections end, over a capture, and in every copy.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/call.h"
#include "agent/output_log.h"
#include "agent/stdio.h"

namespace supermachine::agent {

// Lives on the loop's thread. Shared by the server, which has the last one that was started, and by
// the calls that follow it, which may outlast its successor's start.
class WorkloadProcess {
 public:
  using WatchId = std::uint64_t;

  // kNotFound for a program that is not there.
  static Result<std::shared_ptr<WorkloadProcess>> start(Services& services, Users& users,
                                                        rpc::ExecRequest request);
  WorkloadProcess(const WorkloadProcess&) = delete;
  WorkloadProcess& operator=(const WorkloadProcess&) = delete;
  ~WorkloadProcess();

  // Of the command; also its session and process group.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() const { return running_; }

  // Once the command has ended and all that it wrote is in the log. Processes that it left behind
  // may go on writing.
  [[nodiscard]] const std::optional<rpc::ExitStatus>& outcome() const { return outcome_; }
  // "exited with 1: its last line". Needs an outcome.
  [[nodiscard]] std::string describe_end() const;

  [[nodiscard]] const OutputLog& output() const { return output_; }

  // To its process group; SIGKILL to all of its session. kNotFound when it has ended.
  Status signal(int number) const;

  // `on_news` is called whenever there is more output, or the outcome. It must not unwatch.
  WatchId watch(std::function<void()> on_news);
  void unwatch(WatchId id) { watchers_.erase(id); }

 private:
  using Clock = std::chrono::steady_clock;

  WorkloadProcess(Services& services, Stdio stdio)
      : services_(services),
        stdio_(std::move(stdio)),
        out_{.type = rpc::FrameType::kStdout, .fd = std::move(stdio_.out)},
        err_{.type = rpc::FrameType::kStderr, .fd = std::move(stdio_.err)} {}
  Status spawn_command(const rpc::ExecRequest& request, const User& user);
  // One of its two streams.
  struct Pipe {
    rpc::FrameType type;
    UniqueFd fd = {};
    bool watched = false;
    std::optional<EventLoop::TimerId> pause = {};  // until it is watched again
  };

  Status watch(Pipe& pipe);
  std::size_t read(Pipe& pipe);
  void read_then_pause(Pipe& pipe);
  void close(Pipe& pipe);
  void on_exit(int status, const rusage& usage);
  void conclude_when_quiet(std::optional<std::uint64_t> since);
  void tell();

  Services& services_;  // not owned; outlives us
  Stdio stdio_;
  Pipe out_;
  Pipe err_;
  OutputLog output_;
  std::map<WatchId, std::function<void()>> watchers_;
  WatchId next_watch_ = 1;
  pid_t pid_ = -1;
  bool running_ = false;
  Clock::time_point started_;
  Clock::time_point ended_;
  rpc::ExitStatus status_;
  std::optional<rpc::ExitStatus> outcome_;
  std::optional<EventLoop::TimerId> grace_;
};

}  // namespace supermachine::agent
