// SPDX-License-Identifier: Apache-2.0
#include "agent/channel.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "base/sys.h"

namespace supermachine::agent {
namespace {

// One host that sends without pause must not keep the loop from the other calls.
constexpr int kReadsPerTurn = 8;

// Up to so much is copied to go out with other frames; what is larger goes out at once.
constexpr std::size_t kGathered = 4096;

iovec to_iovec(std::span<const std::byte> bytes) {
  // writev(2) takes pointers to mutable bytes and does not write to them.
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<std::unique_ptr<Channel>> Channel::create(EventLoop& loop, UniqueFd stream,
                                                 Handlers handlers) {
  SM_TRY(sys::set_nonblocking(stream.get(), true));
  std::unique_ptr<Channel> channel(new Channel(loop, std::move(stream), std::move(handlers)));
  SM_TRY(loop.add(channel->stream_.get(), EPOLLIN,
                  [c = channel.get()](std::uint32_t events) { c->on_events(events); }));
  return channel;
}

Channel::~Channel() {
  if (flush_) loop_.cancel(*flush_);
  if (!broken_) loop_.remove(stream_.get());
}

void Channel::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (broken_ || (events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  if (paused_) return break_off();  // only its end is listened for
  read_frames();
}

void Channel::read_frames() {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    const auto room = reader_.room();
    const auto got = sys::try_read(stream_.get(), room);
    if (got.ok() && !got.value()) return;  // nothing more for now
    if (!got.ok() || *got.value() == 0) return break_off();
    reader_.filled(*got.value());
    const bool more = *got.value() == room.size();
    if (!hand_on_frames() || !more) return;
  }
}

bool Channel::hand_on_frames() {
  for (;;) {
    const auto frame = reader_.next();
    if (!frame.ok()) {
      break_off();
      return false;
    }
    if (!frame.value()) return true;
    handlers_.on_frame(*frame.value());
    if (broken_ || paused_) return false;
  }
}

void Channel::pause() {
  if (paused_ || broken_) return;
  paused_ = true;
  listen();
}

void Channel::resume() {
  if (!paused_ || broken_) return;
  paused_ = false;
  listen();
  if (!broken_) hand_on_frames();
}

void Channel::send(rpc::FrameType type, std::span<const std::byte> payload) {
  write(rpc::encode_header(type, payload.size()), payload);
  flush_by(kThisTurn);
}

void Channel::write(std::span<const std::byte> head, std::span<const std::byte> body) {
  if (broken_) return;
  if (blocked_ || unsent().size() + head.size() + body.size() <= kGathered) {
    return keep_unsent(0, head, body);
  }
  const std::array<iovec, 3> parts{to_iovec(unsent()), to_iovec(head), to_iovec(body)};
  const ssize_t rc = ::writev(stream_.get(), parts.data(), static_cast<int>(parts.size()));
  if (rc < 0 && errno != EAGAIN && errno != EINTR) return break_off();
  const std::size_t sent = rc < 0 ? 0 : static_cast<std::size_t>(rc);
  const bool all = sent == unsent().size() + head.size() + body.size();
  keep_unsent(sent, head, body);
  if (!all) set_blocked(true);
}

std::span<const std::byte> Channel::unsent() const {
  return std::span<const std::byte>(out_).subspan(out_begin_);
}

// Of unsent(), head and body, `sent` bytes have gone.
void Channel::keep_unsent(std::size_t sent, std::span<const std::byte> head,
                          std::span<const std::byte> body) {
  const std::size_t from_kept = std::min(sent, unsent().size());
  out_begin_ += from_kept;
  if (unsent().empty()) {
    out_.clear();
    out_begin_ = 0;
  }
  const std::size_t from_head = std::min(sent - from_kept, head.size());
  const auto head_rest = head.subspan(from_head);
  const auto body_rest = body.subspan(std::min(sent - from_kept - from_head, body.size()));
  out_.insert(out_.end(), head_rest.begin(), head_rest.end());
  out_.insert(out_.end(), body_rest.begin(), body_rest.end());
}

void Channel::flush_by(Deadline when) {
  if (broken_ || blocked_ || unsent().empty()) return;
  if (flush_ && flush_when_ <= when) return;
  if (flush_) loop_.cancel(*flush_);
  flush_when_ = when;
  flush_ = loop_.call_at(when, [this] {
    flush_.reset();
    flush();
  });
}

void Channel::flush() {
  if (flush_) loop_.cancel(*flush_);
  flush_.reset();
  while (!unsent().empty() && !broken_) {
    const auto wrote = sys::try_write(stream_.get(), unsent());
    if (!wrote.ok()) return break_off();
    if (!wrote.value()) return set_blocked(true);
    out_begin_ += *wrote.value();
  }
  out_begin_ = 0;
  out_.clear();
  if (out_.capacity() > kGathered) std::vector<std::byte>().swap(out_);  // idle: no large buffer
  if (!blocked_) return;
  set_blocked(false);
  if (!broken_) handlers_.on_drained();
}

Channel::Released Channel::release() {
  SM_CHECK(!broken_);
  broken_ = true;
  if (flush_) loop_.cancel(*flush_);
  flush_.reset();
  loop_.remove(stream_.get());
  const auto rest = reader_.rest();
  return {.stream = std::move(stream_), .early = {rest.begin(), rest.end()}};
}

void Channel::shrink() {
  reader_.shrink();
  if (out_.empty()) std::vector<std::byte>().swap(out_);
}

void Channel::set_blocked(bool blocked) {
  if (blocked_ == blocked) return;
  blocked_ = blocked;
  listen();
}

void Channel::listen() {
  const std::uint32_t events = (paused_ ? std::uint32_t{EPOLLRDHUP} : std::uint32_t{EPOLLIN}) |
                               (blocked_ ? std::uint32_t{EPOLLOUT} : 0);
  if (!loop_.modify(stream_.get(), events).ok()) break_off();
}

void Channel::break_off() {
  if (broken_) return;
  broken_ = true;
  if (flush_) loop_.cancel(*flush_);
  flush_.reset();
  loop_.remove(stream_.get());
  stream_ = UniqueFd();
  out_.clear();
  out_begin_ = 0;
  handlers_.on_broken();
}

}  // namespace supermachine::agent
