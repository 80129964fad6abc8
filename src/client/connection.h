// The host's end of one stream to the agent: frames out without blocking, frames in with a
// deadline. The agent is the guest's and may send anything.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"
#include "rpc/frame.h"
#include "rpc/messages.h"

namespace supermachine::client {

// Opens a stream to the agent's port for one call.
using Connector = std::function<Result<UniqueFd>(Deadline)>;

// Used by one thread at a time.
class Connection {
 public:
  // `stream` is a connected socket.
  static Result<Connection> create(UniqueFd stream);

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

  // The next frame, valid until the following call. kTimeout at the deadline; kGuestFault when the
  // stream ended or was nonsense. try_next() does not wait.
  Result<rpc::FrameView> next(Deadline deadline);
  Result<std::optional<rpc::FrameView>> try_next();

  // Waits until there is something to read or room to send what is unsent.
  Status wait(Deadline deadline);

  [[nodiscard]] int fd() const noexcept { return stream_.get(); }

 private:
  explicit Connection(UniqueFd stream) : stream_(std::move(stream)) {}

  UniqueFd stream_;
  rpc::FrameReader reader_;
  std::vector<std::byte> unsent_;
  std::size_t unsent_begin_ = 0;
};

// Connects and sends the request of a call.
template <typename Request>
Result<Connection> begin_call(const Connector& connect, const Request& request, Deadline deadline) {
  // Before connecting: a request that cannot be sent must not cost a call.
  const auto frame = SM_TRY(rpc::encode(request));
  Connection connection = SM_TRY(Connection::create(SM_TRY(connect(deadline))));
  connection.send_frame(frame);
  return connection;
}

}  // namespace supermachine::client
