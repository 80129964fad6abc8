// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/sys.h"

namespace supermachine::virtio {
namespace {
// An emptied buffer larger than this gives its memory back.
constexpr std::size_t kKeepCapacity = 16 << 10;
}  // namespace

VsockConnection::VsockConnection(VsockPorts ports, std::uint64_t guest_cid, UniqueFd socket,
                                 VsockPreface preface)
    : ports_(ports),
      guest_cid_(guest_cid),
      socket_(std::move(socket)),
      phase_(Phase::kConnecting),
      preface_(std::move(preface)),
      owes_request_(true) {}

VsockConnection::VsockConnection(VsockPorts ports, std::uint64_t guest_cid, UniqueFd socket,
                                 const VsockHeader& request)
    : ports_(ports),
      guest_cid_(guest_cid),
      socket_(std::move(socket)),
      phase_(Phase::kEstablished),
      owes_response_(true) {
  note_peer_credit(request);
}

VsockConnection::VsockConnection(const VsockConnectionState& state, std::uint64_t guest_cid,
                                 UniqueFd socket)
    : ports_(state.ports),
      guest_cid_(guest_cid),
      socket_(std::move(socket)),
      phase_(Phase::kEstablished),
      forwarded_(state.forwarded),
      told_forwarded_(state.forwarded),
      sent_(state.sent),
      peer_buf_alloc_(state.peer_buf_alloc),
      peer_fwd_cnt_(state.peer_fwd_cnt) {}

std::optional<VsockConnectionState> VsockConnection::save() const {
  const bool ending = told_shutdown_ != 0 || guest_shutdown_ != 0 || host_eof_ || host_deaf_;
  if (!established() || ending || owes_response_ || buffered_bytes() != 0) return std::nullopt;
  std::array<std::byte, 1> unread{};
  const auto peeked = sys::try_peek(socket_.get(), unread);
  if (!peeked.ok() || peeked.value()) return std::nullopt;
  return VsockConnectionState{.ports = ports_,
                              .forwarded = forwarded_,
                              .sent = sent_,
                              .peer_buf_alloc = peer_buf_alloc_,
                              .peer_fwd_cnt = peer_fwd_cnt_};
}

void VsockConnection::on_packet(const VsockHeader& header,
                                std::span<const std::span<const std::byte>> payload) {
  note_peer_credit(header);
  if (connecting()) {
    if (header.op == VsockOp::kResponse) {
      phase_ = Phase::kEstablished;
    } else {
      end(header.op != VsockOp::kRst);
    }
    return;
  }
  if (established()) on_established_packet(header, payload);
}

void VsockConnection::on_established_packet(const VsockHeader& header,
                                            std::span<const std::span<const std::byte>> payload) {
  switch (header.op) {
    case VsockOp::kRw:
      on_data(header, payload);
      return;
    case VsockOp::kShutdown:
      on_shutdown(header.flags);
      return;
    case VsockOp::kRst:
      on_rst();
      return;
    case VsockOp::kCreditRequest:
      owes_credit_update_ = true;
      return;
    case VsockOp::kCreditUpdate:
      return;
    default:
      abort();
  }
}

void VsockConnection::note_peer_credit(const VsockHeader& header) {
  peer_buf_alloc_ = header.buf_alloc;
  peer_fwd_cnt_ = header.fwd_cnt;
  if (peer_credit() != 0) asked_for_credit_ = false;
}

// Section 5.10.6.3. A guest that claims to have taken more than was sent, or that takes room back,
// gets nothing until its numbers make sense again.
std::uint32_t VsockConnection::peer_credit() const {
  const std::uint32_t in_flight = sent_ - peer_fwd_cnt_;
  return in_flight < peer_buf_alloc_ ? peer_buf_alloc_ - in_flight : 0;
}

void VsockConnection::on_data(const VsockHeader& header,
                              std::span<const std::span<const std::byte>> payload) {
  const bool promised_none = (guest_shutdown_ & kShutdownSend) != 0;
  if (promised_none || header.len > kBufAlloc - buffered_bytes()) return abort();
  const std::size_t heard = hear(payload);
  if (over()) return;
  if (host_deaf_) {  // told the guest, or about to
    forwarded_ += header.len;
    return;
  }
  std::size_t sent = heard;
  if (heard != 0) {
    forwarded_ += static_cast<std::uint32_t>(heard);
  } else if (buffered_bytes() == 0 && header.len != 0) {
    const auto written = sys::try_sendv(socket_.get(), payload);
    if (!written.ok()) {
      forwarded_ += header.len;
      return host_is_deaf();
    }
    sent = written.value().value_or(0);
    forwarded_ += static_cast<std::uint32_t>(sent);
  }
  for (const std::span<const std::byte> segment : payload) {
    const std::size_t skip = std::min(sent, segment.size());
    sent -= skip;
    const auto rest = segment.subspan(skip);
    buffer_.insert(buffer_.end(), rest.begin(), rest.end());
  }
}

// How many bytes of `payload` belong to the preface. What follows them is kept until the socket is
// listened to.
std::size_t VsockConnection::hear(std::span<const std::span<const std::byte>> payload) {
  std::vector<std::byte>& due = preface_.hear;
  std::size_t heard = 0;
  for (const std::span<const std::byte> segment : payload) {
    const std::size_t count = std::min(due.size(), segment.size());
    if (!std::equal(segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(count),
                    due.begin())) {
      abort();
      return heard;
    }
    due.erase(due.begin(), due.begin() + static_cast<std::ptrdiff_t>(count));
    heard += count;
  }
  return heard;
}

void VsockConnection::flush() {
  while (buffered_bytes() != 0) {
    const std::array rest{std::span<const std::byte>(buffer_).subspan(buffer_start_)};
    const auto written = sys::try_sendv(socket_.get(), rest);
    if (!written.ok()) return host_is_deaf();
    if (!written.value()) break;
    buffer_start_ += *written.value();
    forwarded_ += static_cast<std::uint32_t>(*written.value());
  }
  if (buffered_bytes() == 0) {
    buffer_.clear();
    if (buffer_.capacity() > kKeepCapacity) buffer_ = {};
    buffer_start_ = 0;
  } else if (buffer_start_ > buffer_.size() / 2) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(buffer_start_));
    buffer_start_ = 0;
  }
  finish_if_done();
}

// Bytes that nobody will read count as taken, so that the guest doesn't wait for room.
void VsockConnection::host_is_deaf() {
  host_deaf_ = true;
  forwarded_ += static_cast<std::uint32_t>(buffered_bytes());
  buffer_ = {};
  buffer_start_ = 0;
  finish_if_done();
}

void VsockConnection::on_shutdown(std::uint32_t flags) {
  guest_shutdown_ |= flags & kShutdownBoth;
  if ((guest_shutdown_ & kShutdownReceive) != 0) {
    // Whoever writes to us should hear of it. Nothing to do if the other end is gone already.
    static_cast<void>(sys::shutdown(socket_.get(), SHUT_RD).ok());
  }
  finish_if_done();
}

// A guest that closed its socket and saw no answer in time resets the connection, while the host
// may still be reading what the guest wrote before.
void VsockConnection::on_rst() {
  if ((guest_shutdown_ & kShutdownSend) != 0 && buffered_bytes() != 0) {
    phase_ = Phase::kDraining;
    return;
  }
  end(false);
}

void VsockConnection::on_socket(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) flush();
  if (over()) return;
  // Both directions of a closed socket are shut; one of them may be by our own doing.
  if ((events & EPOLLHUP) == 0) return;
  if ((guest_shutdown_ & kShutdownReceive) != 0) host_eof_ = true;  // we stopped reading
  if (!write_shut_) host_is_deaf();
}

void VsockConnection::finish_if_done() {
  if (phase_ == Phase::kDraining) {
    if (buffered_bytes() == 0) end(false);
    return;
  }
  if (!established()) return;
  const bool guest_done = (guest_shutdown_ & kShutdownSend) != 0 && buffered_bytes() == 0;
  if (guest_done && !write_shut_) {
    write_shut_ = true;
    static_cast<void>(sys::shutdown(socket_.get(), SHUT_WR).ok());  // fails when it is gone already
  }
  const bool host_done = (told_shutdown_ & kShutdownSend) != 0;
  const bool guest_hears = (guest_shutdown_ & kShutdownReceive) == 0;
  if (guest_done && (host_done || !guest_hears)) end(true);
}

void VsockConnection::abort() { end(true); }

void VsockConnection::end(bool with_rst) {
  phase_ = Phase::kOver;
  owes_rst_ = with_rst;
}

std::uint32_t VsockConnection::untold_shutdown() const {
  const std::uint32_t wanted =
      (host_eof_ ? kShutdownSend : 0) | (host_deaf_ ? kShutdownReceive : 0);
  return wanted & ~told_shutdown_;
}

bool VsockConnection::credit_update_due() const {
  return owes_credit_update_ || forwarded_ - told_forwarded_ >= kCreditStep;
}

bool VsockConnection::has_control() const {
  if (connecting()) return owes_request_;
  if (!established()) return false;
  return owes_response_ || untold_shutdown() != 0 || credit_update_due() || owes_credit_request_;
}

VsockHeader VsockConnection::take_control() {
  VsockHeader packet = header(VsockOp::kCreditRequest);
  if (std::exchange(owes_request_, false)) {
    packet.op = VsockOp::kRequest;
  } else if (std::exchange(owes_response_, false)) {
    packet.op = VsockOp::kResponse;
  } else if (untold_shutdown() != 0) {
    packet.op = VsockOp::kShutdown;
    told_shutdown_ |= untold_shutdown();
    packet.flags = told_shutdown_;
    finish_if_done();
  } else if (credit_update_due()) {
    packet.op = VsockOp::kCreditUpdate;
    owes_credit_update_ = false;
  } else {
    owes_credit_request_ = false;
  }
  told_forwarded_ = packet.fwd_cnt;
  return packet;
}

std::uint32_t VsockConnection::sendable_bytes() const {
  const bool guest_hears = (guest_shutdown_ & kShutdownReceive) == 0;
  if (established() && guest_hears && !preface_.say.empty()) {
    return std::min(peer_credit(), static_cast<std::uint32_t>(preface_.say.size()));
  }
  if (!established() || !readable_ || host_eof_ || !guest_hears) return 0;
  return peer_credit();
}

std::size_t VsockConnection::read_data(std::span<const std::span<std::byte>> out) {
  std::vector<std::byte>& say = preface_.say;
  if (!say.empty()) {
    std::size_t said = 0;
    for (const std::span<std::byte> segment : out) {
      const std::size_t count = std::min(segment.size(), say.size() - said);
      std::copy_n(say.begin() + static_cast<std::ptrdiff_t>(said), count, segment.begin());
      said += count;
    }
    say.erase(say.begin(), say.begin() + static_cast<std::ptrdiff_t>(said));
    return said;
  }
  const auto got = sys::try_readv(socket_.get(), out);
  if (!got.ok() || got.value() == std::size_t{0}) {
    host_eof_ = true;
    return 0;
  }
  if (!got.value()) {
    readable_ = false;
    return 0;
  }
  return *got.value();
}

VsockHeader VsockConnection::data_header(std::uint32_t len) {
  VsockHeader packet = header(VsockOp::kRw);
  packet.len = len;
  sent_ += len;
  told_forwarded_ = packet.fwd_cnt;
  owes_credit_update_ = false;
  if (peer_credit() == 0 && !std::exchange(asked_for_credit_, true)) owes_credit_request_ = true;
  return packet;
}

VsockHeader VsockConnection::header(VsockOp op) const {
  return {
      .src_cid = kVsockHostCid,
      .dst_cid = guest_cid_,
      .src_port = ports_.host,
      .dst_port = ports_.guest,
      .op = op,
      .buf_alloc = kBufAlloc,
      .fwd_cnt = forwarded_,
  };
}

}  // namespace supermachine::virtio
