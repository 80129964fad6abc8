// SPDX-License-Identifier: Apache-2.0
// A command in the guest, seen from the host: its streams, signals and end.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "client/connection.h"

namespace supermachine::client {

// The standard streams that one command wrote, and how it ended.
struct ExecResult {
  rpc::ExitStatus status;
  std::string out;
  std::string err;
};

// Used by one thread at a time. Destroying it before the command's end closes the connection, which
// makes the agent kill the command.
class ExecSession {
 public:
  struct Stdout {
    std::string data;
  };
  struct Stderr {
    std::string data;
  };
  // The exit status comes last, after all output. A command whose program is missing or cannot be
  // executed ends with 127 or 126 and one line on standard error.
  using Event = std::variant<Stdout, Stderr, rpc::ExitStatus>;

  // Returns when the command runs or is known not to. Errors of the request (an unknown user, a
  // working directory that is absent) are the agent's words.
  static Result<ExecSession> start(const Connector& connect, const rpc::ExecRequest& request,
                                   Deadline deadline);

  // Reads along with the guest's workload, from what the agent kept of its output on. Destroying
  // the session does not end it, and a signal goes to it. kNotFound when none was started.
  static Result<ExecSession> follow(const Connector& connect, Deadline deadline);

  // The next event. kTimeout at the deadline: the session can go on. kGuestFault when the
  // connection ended before the exit status: never mistaken for success. After the exit status:
  // kInvalidArgument. try_event() does not wait.
  Result<Event> next_event(Deadline deadline);
  Result<std::optional<Event>> try_event();

  // How many of `bytes` were taken: 0 while the command does not read. They are gone once taken.
  Result<std::size_t> try_write_stdin(std::span<const std::byte> bytes);
  // Until all are taken. Output that comes meanwhile is kept for next_event(), up to 8 MiB; beyond
  // that kExhausted: read while writing.
  Status write_stdin(std::span<const std::byte> bytes, Deadline deadline);

  // None of these waits; to a command that has ended they mean nothing.
  void close_stdin();
  Status signal(int number);
  Status resize(rpc::WindowSize window);

  // Writes all of `input`, closes stdin if there is any or the request asked for it, and reads
  // until the end. More than `max_output` bytes are kExhausted.
  Result<ExecResult> collect(std::string_view input, Deadline deadline,
                             std::size_t max_output = std::size_t{1} << 30);

  // For callers that poll: fd() for reading, and for writing too while wants_write(). When it is
  // ready: try_event() until it gives nothing.
  [[nodiscard]] int fd() const noexcept { return connection_.fd(); }
  [[nodiscard]] bool wants_write() const { return connection_.has_unsent(); }
  [[nodiscard]] bool stdin_open() const { return stdin_open_; }
  [[nodiscard]] std::optional<std::uint32_t> pid() const { return pid_; }  // in the guest
  // Bytes of a workload's output that were lost before what came last.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

 private:
  ExecSession(Connection connection, bool with_stdin)
      : connection_(std::move(connection)), stdin_open_(with_stdin) {}
  Status wait_for_start(Deadline deadline);
  // Nothing for a frame that is no event (credit, the start).
  Result<std::optional<Event>> interpret(const rpc::FrameView& frame);
  Status queue_event(Event event);

  Connection connection_;
  bool stdin_open_;
  bool exited_ = false;
  std::optional<std::uint32_t> pid_;
  std::uint64_t skipped_ = 0;
  std::size_t stdin_credit_ = rpc::kStdinWindow;
  std::deque<Event> queued_;
  std::size_t queued_bytes_ = 0;
};

}  // namespace supermachine::client
