// SPDX-License-Identifier: Apache-2.0
// Bytes both ways between two stream sockets, with each direction's end passed on by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/event_loop.h"

namespace supermachine {

// Lives on the loop's thread. Holds at most one buffer's worth of bytes for a side that does not
// take them, and reads no more for it until it has.
class Relay {
 public:
  // SIGPIPE must be ignored or blocked. `buffer` is borrowed, and may be shared by all relays of a
  // loop: nothing stays in it. `early` came from `one` before, and goes to `other` first. `on_end`
  // is called once, from the loop, when both directions are over or something broke; it may destroy
  // the relay.
  static Result<std::unique_ptr<Relay>> create(EventLoop& loop, UniqueFd one, UniqueFd other,
                                               std::span<std::byte> buffer,
                                               std::span<const std::byte> early,
                                               std::function<void()> on_end);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

 private:
  struct Side {
    UniqueFd fd;
    std::vector<std::byte> kept = {};  // for this side, which did not take it yet
    std::size_t kept_begin = 0;
    bool read_over = false;        // nothing more is read from it
    bool write_over = false;       // nor written to it
    bool hung_up = false;          // and epoll has nothing new to say
    std::uint32_t watched = kOff;  // EPOLL* bits

    [[nodiscard]] bool has_kept() const { return kept_begin < kept.size(); }
  };
  static constexpr std::uint32_t kOff = ~std::uint32_t{0};  // not in the loop

  Relay(EventLoop& loop, UniqueFd one, UniqueFd other, std::span<std::byte> buffer,
        std::function<void()> on_end)
      : loop_(loop),
        one_{.fd = std::move(one)},
        other_{.fd = std::move(other)},
        buffer_(buffer),
        on_end_(std::move(on_end)) {}
  void on_event(Side& side, Side& peer, std::uint32_t events);
  void carry(Side& from, Side& to);
  void give(Side& from, Side& to, std::span<const std::byte> bytes);
  void flush(Side& from, Side& to);
  void end_writing(Side& to);
  static void stop_taking(Side& from, Side& to);
  Status watch(Side& side, Side& peer);
  void unwatch(Side& side);
  void settle();
  void end();

  EventLoop& loop_;  // not owned; outlives us
  Side one_;
  Side other_;
  std::span<std::byte> buffer_;
  std::function<void()> on_end_;
  bool broken_ = false;
};

}  // namespace supermachine
