// SPDX-License-Identifier: Apache-2.0
// The host's end of one stream to the agent: frames out without blocking, frames in with a
// deadline. The agent is the guest's and may send anything.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"
#include "client/call_pool.h"
#include "rpc/frame.h"
#include "rpc/messages.h"

namespace supermachine::client {

// Where calls get their streams: from a function that opens one for each call, or from a pool.
class Connector {
 public:
  Connector() = default;  // of no use before another is assigned
  template <typename Open>
  requires std::is_invocable_r_v<Result<UniqueFd>, Open&, Deadline> Connector(
      Open open)  // NOLINT: implicit, as a function in its place
      : Connector(std::make_shared<CallPool>(CallPool::Source{.open = std::move(open), .check = {}},
                                             0)) {}
  Connector(std::shared_ptr<CallPool> pool) : pool_(std::move(pool)) {}  // NOLINT: implicit

  // A stream of the caller's own.
  Result<UniqueFd> operator()(Deadline deadline) const {
    return SM_TRY(pool_->take_new(deadline)).stream;
  }
  [[nodiscard]] const std::shared_ptr<CallPool>& pool() const { return pool_; }

 private:
  std::shared_ptr<CallPool> pool_;
};

// Used by one thread at a time.
class Connection {
 public:
  // `stream` is a connected socket.
  static Result<Connection> create(UniqueFd stream);
  // A stream of `pool`, which gets it back when the call on it ended in order.
  static Connection lease(std::shared_ptr<CallPool> pool, CallPool::Taken taken);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;  // closes what it had
  ~Connection();

  // Adds to what is to be sent and sends as much as the stream takes. A peer that is gone is no
  // error here: reading tells why it went.
  template <typename Message>
  Status send(const Message& message) {
    send_frame(SM_TRY(rpc::encode(message)));
    return {};
  }
  void send(rpc::FrameType type, std::span<const std::byte> payload = {});
  void send_frame(std::span<const std::byte> frame);
  void flush();
  [[nodiscard]] bool has_unsent() const { return unsent_begin_ < unsent_.size(); }
  // Whether bytes were to be sent that the stream took no more: the agent lacks the end of them.
  [[nodiscard]] bool lost_some() const { return lost_some_; }

  // The next frame, valid until the following call. kTimeout at the deadline; kGuestFault when the
  // stream ended or was nonsense. try_next() does not wait.
  Result<rpc::FrameView> next(Deadline deadline);
  Result<std::optional<rpc::FrameView>> try_next();

  // Waits until there is something to read or room to send what is unsent.
  Status wait(Deadline deadline);

  // The agent has sent the last frame of a call and none of failure: the stream may carry another.
  void call_ended_in_order() { in_order_ = true; }

  // The stream itself, which then carries no frames any more. Nothing may have been read from it.
  [[nodiscard]] UniqueFd release();

  [[nodiscard]] int fd() const noexcept { return stream_.get(); }

 private:
  explicit Connection(UniqueFd stream) : stream_(std::move(stream)) {}

  UniqueFd stream_;
  rpc::FrameReader reader_;
  std::vector<std::byte> unsent_;
  std::size_t unsent_begin_ = 0;
  bool lost_some_ = false;
  bool in_order_ = false;
  std::shared_ptr<CallPool> pool_;  // empty for a stream that is nobody's
  std::uint64_t generation_ = 0;
};

// Gets a stream and sends the request of a call on it. A pooled stream that has died is replaced
// only while the agent cannot have begun the call: as long as it has not got all of the request.
Result<Connection> begin_call(const Connector& connect, std::span<const std::byte> request_frame,
                              Deadline deadline);
template <typename Request>
Result<Connection> begin_call(const Connector& connect, const Request& request, Deadline deadline) {
  // Before connecting: a request that cannot be sent must not cost a call.
  const std::vector<std::byte> frame = SM_TRY(rpc::encode(request));
  return begin_call(connect, std::span<const std::byte>(frame), deadline);
}

}  // namespace supermachine::client
