// SPDX-License-Identifier: Apache-2.0
#include "client/exec.h"

#include <algorithm>
#include <utility>

namespace supermachine::client {
namespace {

constexpr std::size_t kMaxQueued = std::size_t{8} << 20;

std::size_t bytes_of(const ExecSession::Event& event) {
  if (const auto* out = std::get_if<ExecSession::Stdout>(&event)) return out->data.size();
  if (const auto* err = std::get_if<ExecSession::Stderr>(&event)) return err->data.size();
  return 0;
}

}  // namespace

Result<ExecSession> ExecSession::start(const Connector& connect, const rpc::ExecRequest& request,
                                       Deadline deadline) {
  ExecSession session(SM_TRY(begin_call(connect, request, deadline)), request.with_stdin);
  SM_TRY(session.wait_for_start(deadline));
  return session;
}

Result<ExecSession> ExecSession::follow(const Connector& connect, Deadline deadline) {
  const auto request = rpc::encode_frame(rpc::FrameType::kFollowWorkload, {});
  ExecSession session(SM_TRY(begin_call(connect, std::span(request), deadline)), false);
  SM_TRY(session.wait_for_start(deadline));
  return session;
}

// A command that cannot be executed never starts: it has a line of output, then a status.
Status ExecSession::wait_for_start(Deadline deadline) {
  while (!pid_ && !exited_) {
    const rpc::FrameView frame = SM_TRY(connection_.next(deadline));
    if (auto event = SM_TRY(interpret(frame))) SM_TRY(queue_event(std::move(*event)));
  }
  return {};
}

Result<std::optional<ExecSession::Event>> ExecSession::interpret(const rpc::FrameView& frame) {
  switch (frame.type) {
    case rpc::FrameType::kStdout:
      return std::optional<Event>(Stdout{std::string(frame.text())});
    case rpc::FrameType::kStderr:
      return std::optional<Event>(Stderr{std::string(frame.text())});
    case rpc::FrameType::kExited: {
      exited_ = true;
      stdin_open_ = false;
      const auto status = SM_TRY(rpc::decode<rpc::ExitStatus>(frame.payload));
      connection_.call_ended_in_order();
      return std::optional<Event>(status);
    }
    case rpc::FrameType::kStarted:
      pid_ = SM_TRY(rpc::decode<rpc::Started>(frame.payload)).pid;
      return std::optional<Event>();
    case rpc::FrameType::kStdinCredit: {
      const auto credit = SM_TRY(rpc::decode<rpc::StdinCredit>(frame.payload));
      if (credit.bytes > rpc::kStdinWindow - stdin_credit_) {
        return Error(Errc::kGuestFault, "the agent gave more stdin credit than its window");
      }
      stdin_credit_ += credit.bytes;
      return std::optional<Event>();
    }
    case rpc::FrameType::kSkipped:
      skipped_ += SM_TRY(rpc::decode<rpc::Skipped>(frame.payload)).bytes;
      return std::optional<Event>();
    case rpc::FrameType::kFailure:
      return rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
    default:
      return Error(Errc::kGuestFault, "the agent sent a frame that does not belong into an exec");
  }
}

Status ExecSession::queue_event(Event event) {
  queued_bytes_ += bytes_of(event);
  if (queued_bytes_ > kMaxQueued) {
    return Error(Errc::kExhausted, "8 MiB of output are unread: read while writing");
  }
  queued_.push_back(std::move(event));
  return {};
}

Result<std::optional<ExecSession::Event>> ExecSession::try_event() {
  if (!queued_.empty()) {
    Event event = std::move(queued_.front());
    queued_.pop_front();
    queued_bytes_ -= bytes_of(event);
    return std::optional(std::move(event));
  }
  if (exited_) return Error(Errc::kInvalidArgument, "the command's end was already reported");
  connection_.flush();
  for (;;) {
    const auto frame = SM_TRY(connection_.try_next());
    if (!frame) return std::optional<Event>();
    if (auto event = SM_TRY(interpret(*frame))) return event;
  }
}

Result<ExecSession::Event> ExecSession::next_event(Deadline deadline) {
  for (;;) {
    if (auto event = SM_TRY(try_event())) return std::move(*event);
    SM_TRY(connection_.wait(deadline));
  }
}

Result<std::size_t> ExecSession::try_write_stdin(std::span<const std::byte> bytes) {
  if (!stdin_open_) return Error(Errc::kInvalidArgument, "the command's standard input is closed");
  std::size_t taken = 0;
  connection_.flush();
  while (taken < bytes.size() && stdin_credit_ != 0 && !connection_.has_unsent()) {
    const auto chunk =
        bytes.subspan(taken, std::min({bytes.size() - taken, stdin_credit_, rpc::kMaxData}));
    connection_.send(rpc::FrameType::kStdin, chunk);
    stdin_credit_ -= chunk.size();
    taken += chunk.size();
  }
  return taken;
}

Status ExecSession::write_stdin(std::span<const std::byte> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (exited_) return {};  // nobody is left to read them, which the exit status will tell
    const std::size_t taken = SM_TRY(try_write_stdin(bytes));
    bytes = bytes.subspan(taken);
    if (taken != 0) continue;
    SM_TRY(connection_.wait(deadline));
    while (!exited_) {
      const auto frame = SM_TRY(connection_.try_next());
      if (!frame) break;
      if (auto event = SM_TRY(interpret(*frame))) SM_TRY(queue_event(std::move(*event)));
    }
  }
  return {};
}

void ExecSession::close_stdin() {
  if (std::exchange(stdin_open_, false)) connection_.send(rpc::FrameType::kStdinEof);
}

Status ExecSession::signal(int number) {
  if (exited_) return {};
  return connection_.send(rpc::Signal{.number = static_cast<std::uint32_t>(number)});
}

Status ExecSession::resize(rpc::WindowSize window) {
  if (exited_) return {};
  return connection_.send(rpc::Resize{.window = window});
}

Result<ExecResult> ExecSession::collect(std::string_view input, Deadline deadline,
                                        std::size_t max_output) {
  ExecResult result;
  auto rest = std::as_bytes(std::span(input));
  for (;;) {
    if (stdin_open_) {
      rest = rest.subspan(SM_TRY(try_write_stdin(rest)));
      if (rest.empty()) close_stdin();
    }
    auto event = SM_TRY(try_event());
    if (!event) {
      SM_TRY(connection_.wait(deadline));
      continue;
    }
    if (auto* status = std::get_if<rpc::ExitStatus>(&*event)) {
      result.status = *status;
      return result;
    }
    if (const auto* out = std::get_if<Stdout>(&*event)) result.out += out->data;
    if (const auto* err = std::get_if<Stderr>(&*event)) result.err += err->data;
    if (result.out.size() + result.err.size() > max_output) {
      return Error(Errc::kExhausted,
                   "the command wrote more than " + std::to_string(max_output) + " bytes");
    }
  }
}

}  // namespace supermachine::client
