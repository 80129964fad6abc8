// SPDX-License-Identifier: Apache-2.0
#include "client/connection.h"

#include <poll.h>

#include "base/sys.h"

namespace supermachine::client {

Result<Connection> Connection::create(UniqueFd stream) {
  SM_TRY(sys::set_nonblocking(stream.get(), true));
  return Connection(std::move(stream));
}

Connection Connection::lease(std::shared_ptr<CallPool> pool, CallPool::Taken taken) {
  Connection connection(std::move(taken.stream));
  connection.pool_ = std::move(pool);
  connection.generation_ = taken.generation;
  return connection;
}

Connection::~Connection() {
  // Half a frame, of ours or the agent's, would be taken for the start of the next call.
  if (!pool_ || !in_order_ || has_unsent() || lost_some_ || reader_.mid_frame()) return;
  pool_->give_back(std::move(stream_), generation_);
}

void Connection::send(rpc::FrameType type, std::span<const std::byte> payload) {
  send_frame(rpc::encode_frame(type, payload));
}

void Connection::send_frame(std::span<const std::byte> frame) {
  unsent_.insert(unsent_.end(), frame.begin(), frame.end());
  flush();
}

void Connection::flush() {
  while (has_unsent()) {
    const std::span<const std::byte> rest =
        std::span<const std::byte>(unsent_).subspan(unsent_begin_);
    const auto sent = sys::try_sendv(stream_.get(), std::span(&rest, 1));
    if (sent.ok() && !sent.value()) return;
    if (!sent.ok()) {
      lost_some_ = true;
      break;
    }
    unsent_begin_ += *sent.value();
  }
  unsent_.clear();
  unsent_begin_ = 0;
}

Result<std::optional<rpc::FrameView>> Connection::try_next() {
  for (;;) {
    auto frame = reader_.next();
    if (!frame.ok())
      return Error(Errc::kGuestFault, "the agent sent nonsense: " + frame.error().message());
    if (frame.value()) return std::move(frame).value();
    const auto got = sys::try_read(stream_.get(), reader_.room());
    if (got.ok() && !got.value()) return std::optional<rpc::FrameView>();
    if (!got.ok() || *got.value() == 0) {
      return Error(Errc::kGuestFault,
                   "the guest ended or closed the connection before the call was over");
    }
    reader_.filled(*got.value());
  }
}

Result<rpc::FrameView> Connection::next(Deadline deadline) {
  for (;;) {
    flush();
    if (const auto frame = SM_TRY(try_next())) return *frame;
    SM_TRY(wait(deadline));
  }
}

Status Connection::wait(Deadline deadline) {
  const int events = POLLIN | (has_unsent() ? POLLOUT : 0);
  if (SM_TRY(sys::wait_ready(stream_.get(), static_cast<short>(events), deadline))) return {};
  return Error(Errc::kTimeout, "the agent did not answer in time");
}

UniqueFd Connection::release() {
  SM_CHECK(!reader_.mid_frame() && !has_unsent());
  pool_.reset();
  return std::move(stream_);
}

Result<Connection> begin_call(const Connector& connect, std::span<const std::byte> request_frame,
                              Deadline deadline) {
  const std::shared_ptr<CallPool>& pool = connect.pool();
  auto taken = SM_TRY(pool->take(deadline));
  const bool reused = taken.reused;
  Connection connection = Connection::lease(pool, std::move(taken));
  connection.send_frame(request_frame);
  if (!reused || !connection.lost_some()) return connection;
  Connection fresh = Connection::lease(pool, SM_TRY(pool->take_new(deadline)));
  fresh.send_frame(request_frame);
  return fresh;
}

}  // namespace supermachine::client
