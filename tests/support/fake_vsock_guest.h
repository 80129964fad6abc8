// SPDX-License-Identifier: Apache-2.0
// The guest side of a vsock device: three queues, packets out, packets in. No credit of its own:
// a test says what the guest claims.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "fake_driver.h"
#include "virtio/vsock.h"

namespace supermachine::virtio {

class FakeVsockGuest {
 public:
  static constexpr std::uint64_t kCid = 3;
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{64} << 20;
  static constexpr std::uint16_t kRingSize = 128;

  struct Packet {
    VsockHeader header;
    std::string payload;
  };

  explicit FakeVsockGuest(const GuestMemory& memory) : memory_(memory) {}

  // Starts the device, or starts it again after a reset.
  void start(Vsock& vsock);

  // Lends the device `count` buffers of `len` bytes, and notifies it.
  void give_buffers(std::size_t count, std::uint32_t len = 4096);

  // Sends a packet as it is, and notifies the device.
  void send(const VsockHeader& header, std::string_view payload = {});
  void send_raw(std::span<const std::byte> bytes);
  void submit(const VsockHeader& header, std::string_view payload = {});  // without notifying

  // The oldest packet not yet taken.
  std::optional<Packet> receive();

  // A packet from `guest_port` to `host_port` with plenty of credit.
  static VsockHeader header(VsockOp op, std::uint32_t guest_port, std::uint32_t host_port) {
    return {.src_cid = kCid,
            .dst_cid = kVsockHostCid,
            .src_port = guest_port,
            .dst_port = host_port,
            .op = op,
            .buf_alloc = 1 << 20};
  }
  // The guest's answer to `packet`.
  static VsockHeader answer(const VsockHeader& packet, VsockOp op) {
    return header(op, packet.dst_port, packet.src_port);
  }

  std::optional<FakeDriver> rx_ring;
  std::optional<FakeDriver> tx_ring;
  std::optional<FakeDriver> event_ring;
  int interrupts = 0;
  std::optional<Error> failure;
  Status last_notify;

 private:
  const GuestMemory& memory_;
  Vsock* vsock_ = nullptr;  // not owned
  std::vector<Queue> queues_;
  std::size_t received_ = 0;
};

}  // namespace supermachine::virtio
