// SPDX-License-Identifier: Apache-2.0
// What the agent and the workload say to each other around a capture: the two FIFOs and the command
// that docs/formats/rpc.md, "Capture and restore", describes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/call.h"
#include "agent/stdio.h"

namespace supermachine::agent {

// Lives on the loop's thread.
class ReadyPipes {
 public:
  // Makes both in `directory`, whatever was there under their names. `on_ready` follows whenever
  // the workload says that it is ready.
  static Result<std::unique_ptr<ReadyPipes>> create(EventLoop& loop, const std::string& directory,
                                                    std::function<void()> on_ready);
  ReadyPipes(const ReadyPipes&) = delete;
  ReadyPipes& operator=(const ReadyPipes&) = delete;
  ~ReadyPipes();

  // Tells who waits. `line` ends with "\n".
  void resumed(const std::string& line);

 private:
  ReadyPipes(EventLoop& loop, UniqueFd ready, std::string resumed_path,
             std::function<void()> on_ready)
      : loop_(loop),
        ready_(std::move(ready)),
        resumed_path_(std::move(resumed_path)),
        on_ready_(std::move(on_ready)) {}
  void on_written();

  EventLoop& loop_;  // not owned; outlives us
  UniqueFd ready_;
  std::string resumed_path_;
  std::function<void()> on_ready_;
  bool owed_ = false;  // a line, to the one who said ready
  UniqueFd kept_;      // holds the line that was owed, until somebody reads it
};

// A command of the image that runs once and must succeed.
class Hook {
 public:
  using Done = std::function<void(Status)>;

  // Runs `path` as root. `done` follows from the loop; by then the hook may be destroyed. A command
  // that has not ended by `deadline` is killed.
  static Result<std::unique_ptr<Hook>> start(Services& services, const std::string& path,
                                             std::vector<std::string> env,
                                             std::chrono::milliseconds limit, Done done);
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  ~Hook();

 private:
  Hook(Services& services, std::string path, Stdio stdio, Done done)
      : services_(services),
        path_(std::move(path)),
        stdio_(std::move(stdio)),
        done_(std::move(done)) {}
  void drain(UniqueFd& fd, bool keep);
  void on_exit(int status);

  Services& services_;  // not owned; outlives us
  std::string path_;
  Stdio stdio_;
  Done done_;
  std::string said_;  // the end of its standard error
  pid_t pid_ = -1;
  std::chrono::milliseconds limit_{};
  std::optional<EventLoop::TimerId> timeout_;
  bool timed_out_ = false;
};

}  // namespace supermachine::agent
