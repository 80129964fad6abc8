// SPDX-License-Identifier: Apache-2.0
#include "client/workload.h"

namespace supermachine::client {
namespace {

// The only frame that answers a call, or the agent's failure.
Result<rpc::FrameView> answer(Connection& connection, rpc::FrameType expected, Deadline deadline) {
  const rpc::FrameView frame = SM_TRY(connection.next(deadline));
  if (frame.type == rpc::FrameType::kFailure) {
    return rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
  }
  if (frame.type != expected) {
    return Error(Errc::kGuestFault, "the agent sent a frame that does not belong here");
  }
  connection.call_ended_in_order();
  return frame;
}

}  // namespace

Result<std::uint32_t> start_workload(const Connector& connect, const rpc::StartWorkload& request,
                                     Deadline deadline) {
  Connection connection = SM_TRY(begin_call(connect, request, deadline));
  const auto frame = SM_TRY(answer(connection, rpc::FrameType::kStarted, deadline));
  return SM_TRY(rpc::decode<rpc::Started>(frame.payload)).pid;
}

Status signal_workload(const Connector& connect, int number, Deadline deadline) {
  const rpc::SignalWorkload request{.number = static_cast<std::uint32_t>(number)};
  Connection connection = SM_TRY(begin_call(connect, request, deadline));
  SM_TRY(answer(connection, rpc::FrameType::kOk, deadline));
  return {};
}

}  // namespace supermachine::client
