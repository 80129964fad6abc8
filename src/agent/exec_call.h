// SPDX-License-Identifier: Apache-2.0
// The exec call: runs a command, and those chained to it, with its streams carried to the host.
#pragma once

#include <chrono>
#include <optional>

#include "agent/call.h"
#include "agent/stdio.h"
#include "agent/users.h"

namespace supermachine::agent {

class ExecCall : public Call {
 public:
  // Looks up the user, writes the staged files, makes the streams.
  static Result<std::unique_ptr<ExecCall>> create(CallContext context, rpc::ExecRequest request);
  ~ExecCall() override;

  // Starts the first command. An error means that it cannot run for a reason other than its
  // program: a program that is missing or cannot be executed is an exit status.
  Status start() override;

  Status on_frame(const rpc::FrameView& frame) override;
  void on_drained() override;
  void on_broken() override;

 private:
  using Clock = std::chrono::steady_clock;

  struct Output {
    rpc::FrameType type;
    UniqueFd fd;
    bool watched = false;
    std::size_t owed = 0;  // bytes that were there when the last command exited
  };

  ExecCall(CallContext context, rpc::ExecRequest request, User user, Stdio stdio);
  Status spawn_step();
  void on_exit(int status, const rusage& usage);
  void end_of_commands();

  void on_output_event(Output& output);
  void pump(Output& output);
  void pump_all();
  void set_watched(Output& output, bool watched);
  void close_output(Output& output);
  void maybe_finish();
  void start_grace();

  Status on_stdin(std::span<const std::byte> bytes);
  void feed_stdin();
  void close_stdin();
  void give_credit(std::size_t bytes);

  void kill_command();
  void on_timeout();
  void cancel_timers();

  CallContext context_;
  rpc::ExecRequest request_;
  User user_;
  Stdio stdio_;
  Output out_;
  Output err_;

  std::vector<std::byte> stdin_;  // not yet taken by the command; at most kStdinWindow
  std::size_t stdin_begin_ = 0;
  std::size_t credit_owed_ = 0;  // consumed, not yet told to the host
  bool stdin_eof_ = false;
  bool stdin_watched_ = false;

  pid_t pid_ = -1;      // of the running command
  bool dying_ = false;  // the host is gone; only the command's end is still awaited
  bool finished_ = false;
  std::uint64_t carried_ = 0;  // bytes of output sent
  bool commands_over_ = false;
  Clock::time_point started_;
  Clock::time_point ended_;
  std::optional<EventLoop::TimerId> timeout_;
  std::optional<EventLoop::TimerId> grace_;
  rpc::ExitStatus status_;
};

}  // namespace supermachine::agent
