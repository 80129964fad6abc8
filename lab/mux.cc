// SPDX-License-Identifier: Apache-2.0
#include "mux.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "base/sys.h"

namespace supermachine::lab {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kCreditStep = kMuxWindow / 4;
constexpr int kReadsPerTurn = 8;  // so that no stream holds up the loop

using Word = std::array<std::byte, 4>;

Word word(std::size_t value) {
  Word bytes{};
  store_le(std::span(bytes), 0, static_cast<std::uint32_t>(value));
  return bytes;
}

Error protocol_error(const char* what) {
  return Error(Errc::kCorrupt, std::string("lab link: ") + what);
}

}  // namespace

Result<std::unique_ptr<Mux>> Mux::create(EventLoop& loop, UniqueFd link, Callbacks callbacks) {
  SM_TRY(sys::set_nonblocking(link.get(), true));
  std::unique_ptr<Mux> mux(new Mux(loop, std::move(link), std::move(callbacks)));
  SM_TRY(loop.add(mux->link_.get(), EPOLLIN,
                  [self = mux.get()](std::uint32_t events) { self->on_link(events); }));
  mux->link_watched_ = EPOLLIN;
  mux->send(Kind::kHello, 0, word(kVersion));
  return mux;
}

Mux::~Mux() {
  if (link_watched_ != 0) loop_.remove(link_.get());
  for (auto& [id, session] : sessions_) {
    if (session.watched != 0) loop_.remove(session.fd.get());
  }
}

Status Mux::attach(UniqueFd stream) {
  if (failed_) return Error(Errc::kNotFound, "the lab has ended");
  if (sessions_.size() >= kMuxMaxSessions) return Error(Errc::kExhausted, "too many lab sessions");
  while (sessions_.contains(next_id_)) ++next_id_;
  const std::uint32_t id = next_id_++;
  send(Kind::kOpen, id);
  return add(id, std::move(stream));
}

std::size_t Mux::live_sessions() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sessions_, [](const auto& entry) { return entry.second.fd && !entry.second.remote_closed; }));
}

void Mux::say_bye() { send(Kind::kBye, 0); }

void Mux::nudge() {
  if (out_.empty()) send(Kind::kNudge, 0);
}

// --- the link

void Mux::on_link(std::uint32_t events) {
  Status done;
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) done = read_link();
  if (done.ok() && (events & EPOLLOUT) != 0) done = flush_link();
  if (!done.ok()) fail(std::move(done).error());
}

Status Mux::read_link() {
  std::array<std::byte, std::size_t{64} << 10> chunk;
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    const auto got = SM_TRY(sys::try_read(link_.get(), chunk));
    if (!got.has_value()) return {};
    if (*got == 0) return Error(Errc::kNotFound, "the other end of the lab link is gone");
    in_.insert(in_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(*got));
    SM_TRY(take_frames());
  }
  return {};
}

Status Mux::take_frames() {
  std::size_t begin = 0;
  while (!failed_ && in_.size() - begin >= kHeaderSize) {
    const std::span<const std::byte> rest = std::span(in_).subspan(begin);
    const auto length = load_le<std::uint32_t>(rest, 8);
    if (length > kMuxMaxData) return protocol_error("a frame is too long");
    if (rest.size() < kHeaderSize + length) break;
    SM_TRY(take(Kind{load_le<std::uint32_t>(rest, 0)}, load_le<std::uint32_t>(rest, 4),
                rest.subspan(kHeaderSize, length)));
    begin += kHeaderSize + length;
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(begin));
  return {};
}

Status Mux::take(Kind kind, std::uint32_t id, std::span<const std::byte> data) {
  if (kind == Kind::kHello) {
    if (data.size() != 4 || load_le<std::uint32_t>(data, 0) != kVersion) {
      return Error(Errc::kUnsupported, "the lab inside is of another version");
    }
    if (callbacks_.on_hello) callbacks_.on_hello();
    return {};
  }
  if (kind == Kind::kBye) {
    if (callbacks_.on_bye) callbacks_.on_bye();
    return {};
  }
  if (kind == Kind::kNudge) return {};
  if (kind == Kind::kOpen) return take_open(id);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return protocol_error("a frame of no session");
  Session& session = found->second;
  switch (kind) {
    case Kind::kData:
      SM_TRY(take_data(session, data));
      break;
    case Kind::kCredit: {
      if (data.size() != 4) return protocol_error("a bad credit");
      const auto bytes = load_le<std::uint32_t>(data, 0);
      if (bytes > kMuxWindow - session.may_send) return protocol_error("too much credit");
      session.may_send += bytes;
      break;
    }
    case Kind::kClose:
      session.remote_closed = true;
      break;
    default:
      return protocol_error("an unknown frame");
  }
  settle(id);
  return {};
}

Status Mux::take_open(std::uint32_t id) {
  if (sessions_.contains(id)) return protocol_error("a session is opened twice");
  if (!callbacks_.on_open || sessions_.size() >= kMuxMaxSessions) {
    sessions_[id];  // without a stream, until the other side has closed it too
    send(Kind::kClose, id);
    return {};
  }
  auto [ours, theirs] = SM_TRY(sys::socket_pair());
  SM_TRY(add(id, std::move(ours)));
  callbacks_.on_open(std::move(theirs));
  return {};
}

Status Mux::take_data(Session& session, std::span<const std::byte> data) {
  if (data.size() > session.may_receive) return protocol_error("more data than the window holds");
  session.may_receive -= data.size();
  if (session.fd) session.inbound.insert(session.inbound.end(), data.begin(), data.end());
  return {};
}

void Mux::send(Kind kind, std::uint32_t id, std::span<const std::byte> data) {
  if (failed_) return;
  std::array<std::byte, kHeaderSize> header{};
  store_le(std::span(header), 0, static_cast<std::uint32_t>(kind));
  store_le(std::span(header), 4, id);
  store_le(std::span(header), 8, static_cast<std::uint32_t>(data.size()));
  out_.insert(out_.end(), header.begin(), header.end());
  out_.insert(out_.end(), data.begin(), data.end());
  // A broken link is reported from the loop, where callbacks may be called.
  const std::uint32_t wanted = EPOLLIN | EPOLLOUT;
  if (flush_link().ok() || link_watched_ == wanted) return;
  if (loop_.modify(link_.get(), wanted).ok()) link_watched_ = wanted;
}

Status Mux::flush_link() {
  while (out_begin_ < out_.size()) {
    const auto sent = SM_TRY(sys::try_write(link_.get(), std::span(out_).subspan(out_begin_)));
    if (!sent.has_value()) break;
    out_begin_ += *sent;
  }
  if (out_begin_ == out_.size()) {
    out_.clear();
    out_begin_ = 0;
  } else if (out_begin_ > kMuxWindow) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
    out_begin_ = 0;
  }
  const std::uint32_t wanted = out_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  if (wanted == link_watched_) return {};
  SM_TRY(loop_.modify(link_.get(), wanted));
  link_watched_ = wanted;
  return {};
}

void Mux::fail(Error reason) {
  if (std::exchange(failed_, true)) return;
  loop_.remove(link_.get());
  link_watched_ = 0;
  for (auto& [id, session] : sessions_) {
    if (session.watched != 0) loop_.remove(session.fd.get());
  }
  sessions_.clear();  // their other ends see the end of the stream
  if (callbacks_.on_end) callbacks_.on_end(std::move(reason));
}

// --- the streams

Status Mux::add(std::uint32_t id, UniqueFd stream) {
  SM_TRY(sys::set_nonblocking(stream.get(), true));
  sessions_[id].fd = std::move(stream);
  settle(id);
  return {};
}

void Mux::on_stream(std::uint32_t id, std::uint32_t events) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) pump_outward(id, found->second);
  settle(id);
}

void Mux::pump_outward(std::uint32_t id, Session& session) {
  std::array<std::byte, kMuxMaxData> chunk;
  for (int turn = 0; turn < kReadsPerTurn && session.fd && session.may_send > 0; ++turn) {
    const auto room = std::span(chunk).first(std::min(chunk.size(), session.may_send));
    const auto got = sys::try_read(session.fd.get(), room);
    if (!got.ok() || got.value() == std::size_t{0}) return end_stream(id, session);
    if (!got.value().has_value()) return;
    session.may_send -= *got.value();
    send(Kind::kData, id, room.first(*got.value()));
  }
}

void Mux::pump_inward(std::uint32_t id, Session& session) {
  while (session.fd && session.inbound_begin < session.inbound.size()) {
    const auto rest = std::span(session.inbound).subspan(session.inbound_begin);
    const auto sent = sys::try_write(session.fd.get(), rest);
    if (!sent.ok()) return end_stream(id, session);
    if (!sent.value().has_value()) break;
    session.inbound_begin += *sent.value();
    session.owed += *sent.value();
  }
  if (session.inbound_begin == session.inbound.size()) {
    session.inbound.clear();
    session.inbound_begin = 0;
  }
  if (session.fd && session.owed >= kCreditStep && !session.remote_closed) {
    session.may_receive += session.owed;
    send(Kind::kCredit, id, word(std::exchange(session.owed, 0)));
  }
}

void Mux::end_stream(std::uint32_t id, Session& session) {
  if (session.watched != 0) loop_.remove(session.fd.get());
  session.watched = 0;
  session.fd = UniqueFd();
  session.inbound.clear();
  session.inbound_begin = 0;
  send(Kind::kClose, id);
}

// Writes what can be written, ends what has ended, and watches the stream for what is wanted next.
void Mux::settle(std::uint32_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  pump_inward(id, session);
  if (session.remote_closed && session.fd && session.inbound.empty()) end_stream(id, session);
  if (!session.fd) {
    if (session.remote_closed) sessions_.erase(found);
    return;
  }
  // A stream that may send nothing isn't watched at all: epoll would report its hang-up for ever.
  std::uint32_t wanted =
      session.may_send > 0 && !session.remote_closed ? std::uint32_t{EPOLLIN} : 0;
  if (!session.inbound.empty()) wanted |= EPOLLOUT;
  if (wanted == session.watched) return;
  const int fd = session.fd.get();
  Status done;
  if (wanted == 0) {
    loop_.remove(fd);
  } else if (session.watched == 0) {
    done = loop_.add(fd, wanted, [this, id](std::uint32_t events) { on_stream(id, events); });
  } else {
    done = loop_.modify(fd, wanted);
  }
  if (!done.ok()) return end_stream(id, session);
  session.watched = wanted;
}

}  // namespace supermachine::lab
