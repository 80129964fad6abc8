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

bool ControlConnection::has_feature(std::string_view name) const {
  return std::find(hello_.features.begin(), hello_.features.end(), name) != hello_.features.end();
}

void ControlConnection::request_shutdown() { connection_.send(rpc::FrameType::kShutdown); }

}  // namespace supermachine::client
