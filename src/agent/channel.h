// SPDX-License-Identifier: Apache-2.0
// Frames over one stream on the loop: puts incoming bytes together, sends small frames together,
// holds back what the host does not take. Works on any pollable fd: a vsock, a unix socket, a
// serial port.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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

  // Never blocks. Small frames go out together, at the end of the loop's turn. What the host does
  // not take yet is kept, without a limit of its own: producers of bulk data ask blocked() first.
  void send(rpc::FrameType type, std::span<const std::byte> payload = {});
  template <typename Message>
  void send(const Message& message) {
    write(encoded(message), {});
    flush_by(kThisTurn);
  }
  // The same for a frame that may wait a moment for others to go with it.
  template <typename Message>
  void send_soon(const Message& message) {
    write(encoded(message), {});
    flush_by(deadline_in(kSoon));
  }
  void flush();

  // While paused nothing is read, but the host's end of the connection is still noticed.
  void pause();
  // May call on_frame, for what had come before.
  void resume();

  // The stream, for bytes that are no frames, and what had come of them behind the last frame. What
  // was sent and not yet taken is dropped. Afterwards the channel is broken, without on_broken().
  struct Released {
    UniqueFd stream;
    std::vector<std::byte> early;
  };
  Released release();

  // Gives back the memory that a large frame took.
  void shrink();

  // Whether the host does not take what was sent.
  [[nodiscard]] bool blocked() const { return blocked_; }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  static constexpr Deadline kThisTurn{};  // has passed: the loop's next look at its timers
  static constexpr std::chrono::milliseconds kSoon{4};

  template <typename Message>
  static std::vector<std::byte> encoded(const Message& message) {
    auto frame = rpc::encode(message);
    SM_CHECK(frame.ok());  // ours to keep within the limits
    return std::move(frame).value();
  }

  Channel(EventLoop& loop, UniqueFd stream, Handlers handlers)
      : loop_(loop), stream_(std::move(stream)), handlers_(std::move(handlers)) {}
  void on_events(std::uint32_t events);
  void read_frames();
  bool hand_on_frames();  // false: paused or broken
  void write(std::span<const std::byte> head, std::span<const std::byte> body);
  void flush_by(Deadline when);
  [[nodiscard]] std::span<const std::byte> unsent() const;
  void keep_unsent(std::size_t sent, std::span<const std::byte> head,
                   std::span<const std::byte> body);
  void set_blocked(bool blocked);
  void listen();
  void break_off();

  EventLoop& loop_;  // not owned; outlives us
  UniqueFd stream_;
  Handlers handlers_;
  rpc::FrameReader reader_;
  std::vector<std::byte> out_;
  std::size_t out_begin_ = 0;
  std::optional<EventLoop::TimerId> flush_;
  Deadline flush_when_;
  bool blocked_ = false;
  bool paused_ = false;
  bool broken_ = false;
};

}  // namespace supermachine::agent
