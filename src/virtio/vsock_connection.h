// SPDX-License-Identifier: Apache-2.0
// One stream between a guest port and a host socket (virtio 1.2, 5.10.6): its state, its credit in
// both directions, and the bytes that the host socket would not take yet. Passive: whoever holds it
// feeds it packets and socket events, and asks it for packets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/handles.h"
#include "virtio/vsock_packet.h"

namespace supermachine::virtio {

// Ports of both ends; the contexts are always the host and the one guest.
struct VsockPorts {
  std::uint32_t host = 0;
  std::uint32_t guest = 0;

  bool operator==(const VsockPorts&) const = default;
};

// An established connection on which nothing is under way. Counters wrap at 2^32.
struct VsockConnectionState {
  VsockPorts ports = {};
  std::uint32_t forwarded = 0;  // bytes the host took
  std::uint32_t sent = 0;       // bytes of data to the guest
  std::uint32_t peer_buf_alloc = 0;
  std::uint32_t peer_fwd_cnt = 0;

  bool operator==(const VsockConnectionState&) const = default;
};

// What both sides say on a connection of the host's before it is the host socket's.
struct VsockPreface {
  std::vector<std::byte> say = {};   // to the guest
  std::vector<std::byte> hear = {};  // what it must answer, to the byte; anything else ends it
};

// Lives on the device loop.
class VsockConnection {
 public:
  // What we tell the guest we have room for: as much as a connection ever buffers.
  static constexpr std::uint32_t kBufAlloc = 256 << 10;
  // Told in a packet of its own after this many bytes went to the host; half, so that the guest
  // keeps sending while the news travels.
  static constexpr std::uint32_t kCreditStep = kBufAlloc / 2;

  // `socket` must not block. From the host: a REQUEST is owed and the connection waits for the
  // answer. From the guest, whose `request` it was: a RESPONSE is owed.
  VsockConnection(VsockPorts ports, std::uint64_t guest_cid, UniqueFd socket,
                  VsockPreface preface = {});
  VsockConnection(VsockPorts ports, std::uint64_t guest_cid, UniqueFd socket,
                  const VsockHeader& request);
  // Goes on where `state` left off.
  VsockConnection(const VsockConnectionState& state, std::uint64_t guest_cid, UniqueFd socket);

  // Nullopt while anything is under way: then the connection cannot be taken up again.
  [[nodiscard]] std::optional<VsockConnectionState> save() const;

  // A packet for these ports, whose payload is header.len bytes long. The payload is the guest's
  // memory: read once, never judged.
  void on_packet(const VsockHeader& header, std::span<const std::span<const std::byte>> payload);

  // EPOLL* bits, edge-triggered. Only once it is the socket's.
  void on_socket(std::uint32_t events);

  // --- packets for the guest ---

  [[nodiscard]] bool has_packet() const { return has_control() || sendable_bytes() != 0; }
  // Data comes second: an answer or a shutdown must not wait behind it.
  [[nodiscard]] bool has_control() const;
  VsockHeader take_control();
  // How much data the guest has room for, if the host may have any; 0 when there is none to send.
  [[nodiscard]] std::uint32_t sendable_bytes() const;
  // Moves bytes from the host socket into `out`, which must not be longer than sendable_bytes().
  // 0 when there were none after all; ends of file are noted for take_control().
  std::size_t read_data(std::span<const std::span<std::byte>> out);
  // The header for `len` of the bytes that read_data() gave.
  VsockHeader data_header(std::uint32_t len);

  // --- the end ---

  // The guest refused, the host gave up, or both directions are done.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }
  // The guest has forgotten the connection; only bytes for the host are left. The ports are free.
  [[nodiscard]] bool draining() const { return phase_ == Phase::kDraining; }
  [[nodiscard]] bool established() const { return phase_ == Phase::kEstablished; }
  [[nodiscard]] bool connecting() const { return phase_ == Phase::kConnecting; }
  // Established, and the preface is over: the host socket's bytes go to and fro.
  [[nodiscard]] bool is_the_sockets() const { return established() && preface_.hear.empty(); }
  // Once over: the guest must hear of it.
  [[nodiscard]] bool owes_rst() const { return owes_rst_; }
  // All was said and the guest should end the connection: time to set a limit to that.
  [[nodiscard]] bool awaits_rst() const { return established() && told_shutdown_ == kShutdownBoth; }
  void abort();  // over now, with a RST

  [[nodiscard]] VsockHeader rst() const { return header(VsockOp::kRst); }
  [[nodiscard]] VsockPorts ports() const { return ports_; }
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  enum class Phase : std::uint8_t { kConnecting, kEstablished, kDraining, kOver };

  void note_peer_credit(const VsockHeader& header);
  void on_established_packet(const VsockHeader& header,
                             std::span<const std::span<const std::byte>> payload);
  void on_data(const VsockHeader& header, std::span<const std::span<const std::byte>> payload);
  std::size_t hear(std::span<const std::span<const std::byte>> payload);
  void on_shutdown(std::uint32_t flags);
  void on_rst();
  void flush();
  void host_is_deaf();
  void finish_if_done();
  void end(bool with_rst);

  [[nodiscard]] std::uint32_t peer_credit() const;
  [[nodiscard]] std::uint32_t untold_shutdown() const;
  [[nodiscard]] std::size_t buffered_bytes() const { return buffer_.size() - buffer_start_; }
  [[nodiscard]] bool credit_update_due() const;
  [[nodiscard]] VsockHeader header(VsockOp op) const;

  const VsockPorts ports_;
  const std::uint64_t guest_cid_;
  UniqueFd socket_;
  Phase phase_;
  VsockPreface preface_;  // what of it is left
  bool owes_rst_ = false;

  // Owed to the guest.
  bool owes_request_ = false;
  bool owes_response_ = false;
  bool owes_credit_update_ = false;
  bool owes_credit_request_ = false;
  bool asked_for_credit_ = false;     // since it last ran out
  std::uint32_t told_shutdown_ = 0;   // kShutdown* bits
  std::uint32_t guest_shutdown_ = 0;  // what the guest told us

  // The host socket.
  bool readable_ = false;   // since the last edge, as far as we know
  bool host_eof_ = false;   // no more data from the host
  bool host_deaf_ = false;  // the host takes no more data
  bool write_shut_ = false;

  // Credit: all counters wrap at 2^32, as the fields of the header do.
  std::uint32_t forwarded_ = 0;       // bytes the host took: our fwd_cnt
  std::uint32_t told_forwarded_ = 0;  // as last told
  std::uint32_t sent_ = 0;            // bytes of data to the guest
  std::uint32_t peer_buf_alloc_ = 0;
  std::uint32_t peer_fwd_cnt_ = 0;

  // What the host would not take yet: buffer_ from buffer_start_ on; at most kBufAlloc.
  std::vector<std::byte> buffer_;
  std::size_t buffer_start_ = 0;
};

}  // namespace supermachine::virtio
