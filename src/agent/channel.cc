#include "agent/channel.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "base/sys.h"

namespace supermachine::agent {
namespace {

// One host that sends without pause must not keep the loop from the other calls.
constexpr int kReadsPerTurn = 8;

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
  if (!broken_) loop_.remove(stream_.get());
}

void Channel::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (!broken_ && (events & ~std::uint32_t{EPOLLOUT}) != 0) read_frames();
}

void Channel::read_frames() {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    const auto room = reader_.room();
    const auto got = sys::try_read(stream_.get(), room);
    if (got.ok() && !got.value()) return;  // nothing more for now
    if (!got.ok() || *got.value() == 0) return break_off();
    reader_.filled(*got.value());
    for (;;) {
      const auto frame = reader_.next();
      if (!frame.ok()) return break_off();
      if (!frame.value()) break;
      handlers_.on_frame(*frame.value());
      if (broken_) return;
    }
    if (*got.value() < room.size()) return;
  }
}

void Channel::send(rpc::FrameType type, std::span<const std::byte> payload) {
  write(rpc::encode_header(type, payload.size()), payload);
}

void Channel::write(std::span<const std::byte> head, std::span<const std::byte> body) {
  if (broken_) return;
  std::size_t written = 0;
  if (out_.empty()) {
    const std::array<iovec, 2> parts{to_iovec(head), to_iovec(body)};
    const ssize_t rc = ::writev(stream_.get(), parts.data(), body.empty() ? 1 : 2);
    if (rc < 0 && errno != EAGAIN && errno != EINTR) return break_off();
    written = rc < 0 ? 0 : static_cast<std::size_t>(rc);
    if (written == head.size() + body.size()) return;
    if (!loop_.modify(stream_.get(), EPOLLIN | EPOLLOUT).ok()) return break_off();
  }
  const std::size_t from_head = std::min(written, head.size());
  const auto head_rest = head.subspan(from_head);
  const auto body_rest = body.subspan(written - from_head);
  out_.insert(out_.end(), head_rest.begin(), head_rest.end());
  out_.insert(out_.end(), body_rest.begin(), body_rest.end());
}

void Channel::flush() {
  while (out_begin_ < out_.size()) {
    const auto wrote =
        sys::try_write(stream_.get(), std::span<const std::byte>(out_).subspan(out_begin_));
    if (!wrote.ok()) return break_off();
    if (!wrote.value()) return;
    out_begin_ += *wrote.value();
  }
  out_begin_ = 0;
  std::vector<std::byte>().swap(out_);  // an idle call holds no buffer
  if (!loop_.modify(stream_.get(), EPOLLIN).ok()) return break_off();
  handlers_.on_drained();
}

void Channel::break_off() {
  if (broken_) return;
  broken_ = true;
  loop_.remove(stream_.get());
  stream_ = UniqueFd();
  out_.clear();
  handlers_.on_broken();
}

}  // namespace supermachine::agent
