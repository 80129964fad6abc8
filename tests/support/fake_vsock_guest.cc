// SPDX-License-Identifier: Apache-2.0
#include "fake_vsock_guest.h"

namespace supermachine::virtio {

void FakeVsockGuest::start(Vsock& vsock) {
  vsock_ = &vsock;
  received_ = 0;
  queues_.clear();
  std::uint64_t base = 0;
  for (std::optional<FakeDriver>* ring : {&rx_ring, &tx_ring, &event_ring}) {
    ring->emplace(memory_, base, kRingSize);
    (*ring)->set_avail_index(0);
    SM_CHECK(memory_.store_release16((*ring)->layout().used + 2, 0).ok());
    queues_.push_back(Queue::create(memory_, {.layout = (*ring)->layout()}, 0).value());
    base += kMemoryBytes / 4;
  }
  SM_CHECK(vsock
               .activate({.queues = queues_,
                          .raise_irq = [this](std::uint16_t) { ++interrupts; },
                          .fail = [this](const Error& error) { failure = error; }})
               .ok());
}

void FakeVsockGuest::give_buffers(std::size_t count, std::uint32_t len) {
  for (std::size_t i = 0; i < count; ++i) rx_ring->writable(len).submit();
  const auto progress = vsock_->on_notify(Vsock::kRxQueue);
  last_notify = progress.ok() ? Status() : Status(progress.error());
}

void FakeVsockGuest::submit(const VsockHeader& header, std::string_view payload) {
  VsockHeader whole = header;
  if (!payload.empty()) whole.len = static_cast<std::uint32_t>(payload.size());
  while (tx_ring->take_used()) continue;  // else its descriptors run out
  tx_ring->readable(encode_vsock_header(whole));
  if (!payload.empty()) tx_ring->readable(payload);
  tx_ring->submit();
}

void FakeVsockGuest::send(const VsockHeader& header, std::string_view payload) {
  tx_ring->recycle();
  submit(header, payload);
  const auto progress = vsock_->on_notify(Vsock::kTxQueue);
  last_notify = progress.ok() ? Status() : Status(progress.error());
}

void FakeVsockGuest::send_raw(std::span<const std::byte> bytes) {
  tx_ring->recycle();
  tx_ring->readable(bytes).submit();
  const auto progress = vsock_->on_notify(Vsock::kTxQueue);
  last_notify = progress.ok() ? Status() : Status(progress.error());
}

// The device uses buffers in the order in which they were lent.
std::optional<FakeVsockGuest::Packet> FakeVsockGuest::receive() {
  const auto used = rx_ring->take_used();
  if (!used) return std::nullopt;
  const std::string bytes = rx_ring->buffer_at(received_++, used->len);
  const auto header = parse_vsock_header(std::as_bytes(std::span(bytes)));
  SM_CHECK(header.has_value() && header->len + kVsockHeaderBytes == used->len);
  return Packet{*header, bytes.substr(kVsockHeaderBytes)};
}

}  // namespace supermachine::virtio
