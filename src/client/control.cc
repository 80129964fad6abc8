// SPDX-License-Identifier: Apache-2.0
#include "client/control.h"

#include <algorithm>

namespace supermachine::client {

Result<ControlConnection> ControlConnection::create(UniqueFd stream, Deadline deadline) {
  Connection connection = SM_TRY(Connection::create(std::move(stream)));
  const rpc::FrameView frame = SM_TRY(connection.next(deadline));
  if (frame.type != rpc::FrameType::kHello) {
    return Error(Errc::kGuestFault, "the agent did not say hello");
  }
  auto hello = SM_TRY(rpc::decode<rpc::Hello>(frame.payload));
  return ControlConnection(std::move(connection), std::move(hello));
}

Result<ControlConnection> ControlConnection::resume(UniqueFd stream, rpc::Hello hello) {
  return ControlConnection(SM_TRY(Connection::create(std::move(stream))), std::move(hello));
}

bool ControlConnection::has_feature(std::string_view name) const {
  return std::find(hello_.features.begin(), hello_.features.end(), name) != hello_.features.end();
}

Status ControlConnection::prepare(const rpc::Prepare& prepare, Deadline deadline) {
  SM_TRY(connection_.send(prepare));
  return answer(deadline);
}

Status ControlConnection::resumed(Deadline deadline) {
  connection_.send(rpc::FrameType::kResumed);
  return answer(deadline);
}

Status ControlConnection::restored(const rpc::Restored& restored, Deadline deadline) {
  SM_TRY(connection_.send(restored));
  return answer(deadline);
}

bool ControlConnection::ready() {
  while (ready_ == 0) {
    const auto frame = connection_.try_next();
    // An end of the connection is told to whoever waits for something on it.
    if (!frame.ok() || !frame.value() || !interpret(*frame.value()).ok()) return false;
  }
  return true;
}

Status ControlConnection::wait_ready(Deadline deadline) {
  while (ready_ == 0) {
    static_cast<void>(SM_TRY(interpret(SM_TRY(connection_.next(deadline)))));
  }
  --ready_;
  return {};
}

void ControlConnection::request_shutdown() { connection_.send(rpc::FrameType::kShutdown); }

Status ControlConnection::answer(Deadline deadline) {
  for (;;) {
    const auto frame = connection_.next(deadline);
    if (!frame.ok()) {
      if (frame.error().code() == Errc::kTimeout) ++overdue_;
      return frame.error();
    }
    if (auto got = SM_TRY(interpret(frame.value()))) return *std::move(got);
  }
}

Result<std::optional<Status>> ControlConnection::interpret(const rpc::FrameView& frame) {
  Status status;
  switch (frame.type) {
    case rpc::FrameType::kReady:
      ++ready_;
      return std::optional<Status>();
    case rpc::FrameType::kOk:
      break;
    case rpc::FrameType::kFailure:
      status = rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
      break;
    default:
      return Error(Errc::kGuestFault, "the agent sent a frame that does not belong here");
  }
  if (overdue_ == 0) return std::optional<Status>(std::move(status));
  --overdue_;
  return std::optional<Status>();
}

}  // namespace supermachine::client
