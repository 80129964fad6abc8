// SPDX-License-Identifier: Apache-2.0
// The devices: registers through which the guest reaches one, then what is the device's own.
#include <bit>

#include "snapshot/limits.h"
#include "snapshot/state_codec.h"

namespace supermachine::snapshot {
namespace {

template <typename Codec, typename T>
using Of = typename Codec::template Of<T>;

template <typename Codec>
void fields(Codec& codec, Of<Codec, SerialState>& s) {
  codec(s.interrupt_enable, s.fifo_control, s.line_control, s.modem_control, s.scratch, s.divisor,
        s.transmitter_empty_pending);
}

// An address has no arithmetic, so the codec gets its number.
template <typename Codec>
void address(Codec& codec, Of<Codec, GuestAddr>& addr) {
  auto number = static_cast<std::uint64_t>(addr);
  codec(number);
  if constexpr (std::same_as<Codec, Decoder>) addr = GuestAddr{number};
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, virtio::MmioQueueState>& q) {
  auto& layout = q.queue.layout;
  codec(layout.size, q.queue.next_avail, q.queue.next_used, q.ready);
  address(codec, layout.desc);
  address(codec, layout.avail);
  address(codec, layout.used);
  codec.check(layout.size == 0 ||
                  (std::has_single_bit(layout.size) && layout.size <= virtio::kMaxQueueSize),
              "a queue's size is no power of two");
  codec.check(!q.ready || layout.size != 0, "a queue without a size is ready");
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, virtio::MmioState>& m) {
  codec(m.status, m.interrupt_status, m.config_generation, m.device_features_sel,
        m.driver_features_sel, m.queue_sel, m.driver_features);
  codec.list(m.queues, kMaxQueues, "queues",
             [](auto& inner, auto& queue) { fields(inner, queue); });
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, virtio::BlockState>& block) {
  constexpr std::uint64_t kMaxSectors = ~0ULL / virtio::Block::kSectorSize;
  codec(block.capacity_sectors);
  codec.check(block.capacity_sectors <= kMaxSectors, "the device is too large");
  codec.bytes(block.id);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, virtio::VsockState>& vsock) {
  auto& mux = vsock.mux;
  codec(vsock.guest_cid, mux.next_host_port);
  codec.list(mux.kept, kMaxVsockConnections, "connections", [](auto& inner, auto& c) {
    inner(c.ports.host, c.ports.guest, c.forwarded, c.sent, c.peer_buf_alloc, c.peer_fwd_cnt);
  });
  codec.list(mux.lost, kMaxVsockConnections, "lost connections",
             [](auto& inner, auto& ports) { inner(ports.host, ports.guest); });
}

template <typename Codec>
void fields(Codec& /*codec*/, Of<Codec, virtio::RngState>& /*rng*/) {}

template <typename Device, typename Codec>
void slot(Codec& codec, Of<Codec, SlotState<Device>>& state) {
  fields(codec, state.transport);
  fields(codec, state.device);
}

}  // namespace

void encode(Encoder& encoder, const SerialState& state) { fields(encoder, state); }
void decode(Decoder& decoder, SerialState& state) { fields(decoder, state); }

void encode(Encoder& encoder, const SlotState<virtio::BlockState>& state) {
  slot<virtio::BlockState>(encoder, state);
}
void decode(Decoder& decoder, SlotState<virtio::BlockState>& state) {
  slot<virtio::BlockState>(decoder, state);
}

void encode(Encoder& encoder, const SlotState<virtio::VsockState>& state) {
  slot<virtio::VsockState>(encoder, state);
}
void decode(Decoder& decoder, SlotState<virtio::VsockState>& state) {
  slot<virtio::VsockState>(decoder, state);
}

void encode(Encoder& encoder, const SlotState<virtio::RngState>& state) {
  slot<virtio::RngState>(encoder, state);
}
void decode(Decoder& decoder, SlotState<virtio::RngState>& state) {
  slot<virtio::RngState>(decoder, state);
}

}  // namespace supermachine::snapshot
