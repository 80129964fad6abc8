// SPDX-License-Identifier: Apache-2.0
#include "base/relay.h"

#include <sys/socket.h>

#include "base/sys.h"

namespace supermachine {
namespace {

// One stream that never pauses must not keep the loop from the others.
constexpr int kReadsPerTurn = 8;

// Has a TCP connection end with a reset: its peer must not take what it has got for all there is.
// Other sockets do not mind.
void reset_when_closed(int socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::create(EventLoop& loop, UniqueFd one, UniqueFd other,
                                             std::span<std::byte> buffer,
                                             std::span<const std::byte> early,
                                             std::function<void()> on_end) {
  SM_TRY(sys::set_nonblocking(one.get(), true));
  SM_TRY(sys::set_nonblocking(other.get(), true));
  std::unique_ptr<Relay> relay(
      new Relay(loop, std::move(one), std::move(other), buffer, std::move(on_end)));
  relay->other_.kept.assign(early.begin(), early.end());
  SM_TRY(relay->watch(relay->one_, relay->other_));
  SM_TRY(relay->watch(relay->other_, relay->one_));
  return relay;
}

Relay::~Relay() {
  unwatch(one_);
  unwatch(other_);
}

void Relay::on_event(Side& side, Side& peer, std::uint32_t events) {
  constexpr std::uint32_t kNews = EPOLLIN | EPOLLHUP | EPOLLERR;
  const std::uint32_t asked = side.watched;
  if ((events & EPOLLOUT) != 0 || side.has_kept()) flush(peer, side);
  if ((asked & EPOLLIN) != 0 && (events & kNews) != 0 && !broken_) carry(side, peer);
  // Reported whatever one asks for.
  if (asked == 0 && (events & EPOLLERR) != 0) broken_ = true;
  if (asked == 0 && (events & EPOLLHUP) != 0) side.hung_up = true;
  settle();
}

void Relay::carry(Side& from, Side& to) {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    if (from.read_over || to.has_kept() || broken_) return;
    const auto got = sys::try_read(from.fd.get(), buffer_);
    if (!got.ok()) {
      broken_ = true;
      return;
    }
    if (!got.value()) return;
    const std::size_t count = *got.value();
    if (count == 0) {
      from.read_over = true;
      return end_writing(to);
    }
    give(from, to, buffer_.first(count));
    if (count < buffer_.size()) return;  // the next read would find nothing, most likely
  }
}

void Relay::give(Side& from, Side& to, std::span<const std::byte> bytes) {
  if (to.write_over) return;
  const auto wrote = sys::try_write(to.fd.get(), bytes);
  if (!wrote.ok()) return stop_taking(from, to);
  const auto rest = bytes.subspan(wrote.value().value_or(0));
  to.kept.assign(rest.begin(), rest.end());
  to.kept_begin = 0;
}

void Relay::flush(Side& from, Side& to) {
  if (!to.has_kept()) return;
  const auto wrote =
      sys::try_write(to.fd.get(), std::span<const std::byte>(to.kept).subspan(to.kept_begin));
  if (!wrote.ok()) return stop_taking(from, to);
  to.kept_begin += wrote.value().value_or(0);
  if (to.has_kept()) return;
  std::vector<std::byte>().swap(to.kept);
  to.kept_begin = 0;
  if (from.read_over) end_writing(to);
}

// Nothing comes for `to` any more; what had come is passed on first.
void Relay::end_writing(Side& to) {
  if (to.has_kept() || to.write_over) return;
  to.write_over = true;
  static_cast<void>(sys::shutdown(to.fd.get(), SHUT_WR).ok());
}

// `to` takes nothing any more, but may still have something to say.
void Relay::stop_taking(Side& from, Side& to) {
  std::vector<std::byte>().swap(to.kept);
  to.kept_begin = 0;
  to.write_over = true;
  from.read_over = true;
  static_cast<void>(sys::shutdown(from.fd.get(), SHUT_RD).ok());
}

Status Relay::watch(Side& side, Side& peer) {
  const std::uint32_t wanted = (!side.read_over && !peer.has_kept() ? std::uint32_t{EPOLLIN} : 0) |
                               (side.has_kept() ? std::uint32_t{EPOLLOUT} : 0);
  if (wanted != 0) side.hung_up = false;
  if (side.hung_up) {
    unwatch(side);
    return {};
  }
  if (side.watched == wanted) return {};
  if (side.watched != kOff) {
    SM_TRY(loop_.modify(side.fd.get(), wanted));
  } else {
    SM_TRY(loop_.add(side.fd.get(), wanted,
                     [this, &side, &peer](std::uint32_t events) { on_event(side, peer, events); }));
  }
  side.watched = wanted;
  return {};
}

void Relay::unwatch(Side& side) {
  if (side.watched == kOff) return;
  loop_.remove(side.fd.get());
  side.watched = kOff;
}

void Relay::settle() {
  const bool over = one_.read_over && other_.read_over && !one_.has_kept() && !other_.has_kept();
  if (over || broken_ || !watch(one_, other_).ok() || !watch(other_, one_).ok()) {
    if (!over) {
      reset_when_closed(one_.fd.get());
      reset_when_closed(other_.fd.get());
    }
    end();
  }
}

void Relay::end() {
  unwatch(one_);
  unwatch(other_);
  one_.fd = UniqueFd();
  other_.fd = UniqueFd();
  const auto on_end = std::move(on_end_);
  on_end();  // we may be gone after this
}

}  // namespace supermachine
