// SPDX-License-Identifier: Apache-2.0
// Many byte streams over one: the sessions between the lab's keeper on the host and its init
// inside. One link lives as long as the lab, so a session that breaks off leaves no stale bytes for
// the next.
//
// A frame is three little-endian words (kind, session, length) and `length` bytes. The host opens
// sessions; either side closes them. Each direction of a session has a window of kWindow bytes, so
// a reader that stands still holds up nobody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/handles.h"

namespace supermachine::lab {

inline constexpr std::size_t kMuxWindow = std::size_t{256} << 10;
inline constexpr std::size_t kMuxMaxData = std::size_t{32} << 10;
inline constexpr std::size_t kMuxMaxSessions = 256;

// Belongs to its loop's thread. A callback must not destroy the Mux.
class Mux {
 public:
  struct Callbacks {
    std::function<void()> on_hello;                // the other side is there
    std::function<void()> on_bye;                  // the other side wants the lab to end
    std::function<void(UniqueFd stream)> on_open;  // a new session; unset: sessions are refused
    std::function<void(Error reason)> on_end;      // the link broke; nothing else is called after
  };

  // `link` is any duplex stream. Says hello at once.
  static Result<std::unique_ptr<Mux>> create(EventLoop& loop, UniqueFd link, Callbacks callbacks);
  ~Mux();
  Mux(const Mux&) = delete;
  Mux& operator=(const Mux&) = delete;

  // Host side: carries `stream` to a new session of the other side's on_open.
  Status attach(UniqueFd stream);

  // Asks the other side to end the lab.
  void say_bye();

  // Has something arrive at the other side, which need not look at it. Not while more waits to be
  // sent.
  void nudge();

  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t live_sessions() const;  // those that neither side has closed

 private:
  enum class Kind : std::uint32_t { kHello = 1, kBye, kOpen, kData, kCredit, kClose, kNudge };

  struct Session {
    UniqueFd fd;                // unset once the local stream has ended
    std::uint32_t watched = 0;  // EPOLL* bits; 0: not in the loop
    std::size_t may_send = kMuxWindow;
    std::size_t may_receive = kMuxWindow;
    std::size_t owed = 0;  // written to fd, not yet given back as credit
    std::vector<std::byte> inbound;
    std::size_t inbound_begin = 0;
    bool remote_closed = false;
  };

  Mux(EventLoop& loop, UniqueFd link, Callbacks callbacks)
      : loop_(loop), link_(std::move(link)), callbacks_(std::move(callbacks)) {}

  void on_link(std::uint32_t events);
  Status read_link();
  Status take_frames();
  Status take(Kind kind, std::uint32_t id, std::span<const std::byte> data);
  Status take_open(std::uint32_t id);
  Status take_data(Session& session, std::span<const std::byte> data);
  void send(Kind kind, std::uint32_t id, std::span<const std::byte> data = {});
  Status flush_link();
  void fail(Error reason);

  Status add(std::uint32_t id, UniqueFd stream);
  void on_stream(std::uint32_t id, std::uint32_t events);
  void pump_outward(std::uint32_t id, Session& session);
  void pump_inward(std::uint32_t id, Session& session);
  void end_stream(std::uint32_t id, Session& session);
  void settle(std::uint32_t id);

  EventLoop& loop_;  // not owned; outlives us
  UniqueFd link_;
  Callbacks callbacks_;
  bool failed_ = false;
  std::uint32_t link_watched_ = 0;
  std::vector<std::byte> in_;
  std::vector<std::byte> out_;
  std::size_t out_begin_ = 0;
  std::unordered_map<std::uint32_t, Session> sessions_;
  std::uint32_t next_id_ = 1;
};

}  // namespace supermachine::lab
