// Frames over one stream on the loop: puts incoming bytes together, holds back what the host does
// not take. Works on any pollable fd: a vsock, a unix socket, a serial port.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "rpc/frame.h"
#include "rpc/messages.h"

namespace supermachine::agent {

// Lives on the loop's thread. Handlers may call anything here but must not destroy the channel.
class Channel {
 public:
  struct Handlers {
    std::function<void(const rpc::FrameView&)> on_frame;
    std::function<void()> on_drained;  // all that was sent has been taken
    std::function<void()> on_broken;   // the host is gone, or sent nonsense; called once
  };

  // SIGPIPE must be ignored: the stream may not be a socket, so it is written with write(2).
  static Result<std::unique_ptr<Channel>> create(EventLoop& loop, UniqueFd stream,
                                                 Handlers handlers);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Never blocks. What the host does not take yet is kept, without a limit of its own: producers of
  // bulk data ask blocked() first.
  void send(rpc::FrameType type, std::span<const std::byte> payload = {});
  template <typename Message>
  void send(const Message& message) {
    const auto frame = rpc::encode(message);
    SM_CHECK(frame.ok());  // ours to keep within the limits
    write(frame.value(), {});
  }

  // Whether sent bytes still wait for the host.
  [[nodiscard]] bool blocked() const { return !out_.empty(); }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  Channel(EventLoop& loop, UniqueFd stream, Handlers handlers)
      : loop_(loop), stream_(std::move(stream)), handlers_(std::move(handlers)) {}
  void on_events(std::uint32_t events);
  void read_frames();
  void write(std::span<const std::byte> head, std::span<const std::byte> body);
  void flush();
  void break_off();

  EventLoop& loop_;  // not owned; outlives us
  UniqueFd stream_;
  Handlers handlers_;
  rpc::FrameReader reader_;
  std::vector<std::byte> out_;
  std::size_t out_begin_ = 0;
  bool broken_ = false;
};

}  // namespace supermachine::agent
