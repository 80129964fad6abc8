// SPDX-License-Identifier: Apache-2.0
#include "client/ports.h"

#include <poll.h>

#include "base/sys.h"

namespace supermachine::client {
namespace {

// For the agent to say that the time is over.
constexpr auto kAnswerGrace = std::chrono::seconds(10);

Result<std::vector<rpc::Listener>> read_listeners(Connection& connection, Deadline deadline) {
  const rpc::FrameView frame = SM_TRY(connection.next(deadline));
  if (frame.type == rpc::FrameType::kFailure) {
    return rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
  }
  if (frame.type != rpc::FrameType::kListeners) {
    return Error(Errc::kGuestFault, "the agent sent a frame that does not belong here");
  }
  auto listeners = SM_TRY(rpc::decode<rpc::Listeners>(frame.payload));
  connection.call_ended_in_order();
  return std::move(listeners.listeners);
}

}  // namespace

Result<std::vector<rpc::Listener>> list_listeners(const Connector& connect, Deadline deadline) {
  const auto request = rpc::encode_frame(rpc::FrameType::kListListeners, {});
  Connection connection = SM_TRY(begin_call(connect, std::span(request), deadline));
  return read_listeners(connection, deadline);
}

Result<rpc::Listener> wait_listener(const Connector& connect, std::uint16_t port,
                                    std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
  const auto limit = std::clamp(timeout, std::chrono::milliseconds(0), kLongest);
  const rpc::WaitListener request{.port = port,
                                  .timeout_ms = static_cast<std::uint64_t>(limit.count())};
  const Deadline deadline = deadline_in(limit + kAnswerGrace);
  Connection connection = SM_TRY(begin_call(connect, request, deadline));
  auto found = SM_TRY(read_listeners(connection, deadline));
  if (found.size() != 1) return Error(Errc::kGuestFault, "the agent sent no listener");
  return std::move(found.front());
}

Result<UniqueFd> connect_port(const Connector& connect, std::uint16_t port, Deadline deadline) {
  Connection connection = SM_TRY(begin_call(connect, rpc::Connect{.port = port}, deadline));
  while (connection.has_unsent()) {
    SM_TRY(connection.wait(deadline));
    connection.flush();
  }
  UniqueFd stream = connection.release();
  ConnectAnswer answer;
  while (!SM_TRY(answer.read(stream.get()))) {
    if (!SM_TRY(sys::wait_ready(stream.get(), POLLIN, deadline))) {
      return Error(Errc::kTimeout, "the agent did not answer in time");
    }
  }
  return stream;
}

Result<bool> ConnectAnswer::read(int stream) {
  for (;;) {
    const auto decoded = rpc::decode_frame(bytes_);
    if (!decoded.ok()) {
      return Error(Errc::kGuestFault, "the agent sent nonsense: " + decoded.error().message());
    }
    if (decoded.value().consumed != 0) {
      const rpc::FrameView& frame = decoded.value().frame;
      if (frame.type == rpc::FrameType::kFailure) {
        return rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
      }
      if (frame.type == rpc::FrameType::kOk && frame.payload.empty()) return true;
      return Error(Errc::kGuestFault, "the agent sent a frame that does not belong here");
    }
    const std::size_t had = bytes_.size();
    bytes_.resize(decoded.value().needed);
    const auto got = sys::try_read(stream, std::span(bytes_).subspan(had));
    bytes_.resize(had + (got.ok() ? got.value().value_or(0) : 0));
    if (got.ok() && !got.value()) return false;
    if (bytes_.size() == had) {
      return Error(Errc::kGuestFault,
                   "the guest ended or closed the connection before the call was over");
    }
  }
}

}  // namespace supermachine::client
