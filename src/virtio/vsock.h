// SPDX-License-Identifier: Apache-2.0
// virtio-vsock (virtio 1.2, section 5.10): stream sockets between guest and host. Moves packets
// between the device's three queues and a VsockMux.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "virtio/device.h"
#include "virtio/vsock_mux.h"
#include "virtio/vsock_unix.h"

namespace supermachine::virtio {

struct VsockState {
  std::uint64_t guest_cid = 3;
  VsockMuxState mux = {};
};

struct VsockConfig {
  // Other processes connect here (docs/formats/vsock-mux.md). Empty: they can't.
  std::string unix_path = {};
  std::size_t max_connections = 1024;
};

class Vsock final : public Device {
 public:
  static constexpr std::uint32_t kQueues = 3;
  static constexpr std::uint16_t kRxQueue = 0;
  static constexpr std::uint16_t kTxQueue = 1;
  static constexpr std::uint16_t kEventQueue = 2;

  // kInvalidArgument for a reserved context id.
  static Result<std::unique_ptr<Vsock>> create(const VsockState& state, EventLoop& loop,
                                               const VsockConfig& config);

  // connect() and listen() of the mux may be called from any thread; see there.
  [[nodiscard]] VsockMux& mux() { return *mux_; }

  [[nodiscard]] DeviceType type() const override { return DeviceType::kVsock; }
  [[nodiscard]] std::uint64_t features() const override { return kFeatureStream; }
  [[nodiscard]] std::span<const std::uint16_t> max_queue_sizes() const override {
    return kQueueSizes;
  }
  void read_config(std::uint32_t offset, std::span<std::byte> out) const override;
  Status activate(Activation activation) override;
  Result<Progress> on_notify(std::uint16_t queue) override;
  void reset() override;

  // With the driver's packets all taken, and the connections `keep` at rest.
  [[nodiscard]] VsockState save(std::span<const VsockPorts> keep) const;

 private:
  static constexpr std::array<std::uint16_t, kQueues> kQueueSizes{128, 128, 16};
  static constexpr std::uint64_t kFeatureStream = 1ULL << 0;  // section 5.10.3

  Vsock(std::uint64_t guest_cid, EventLoop& loop, std::unique_ptr<VsockMux> mux)
      : loop_(loop), guest_cid_(guest_cid), mux_(std::move(mux)) {}

  Queue& queue(std::uint16_t index) { return active_->queues[index]; }
  void on_host_side();
  void continue_later();
  Status work(bool take);
  Status take_packets();
  void handle(const Chain& chain);
  Status give_packets();
  Result<std::optional<std::uint32_t>> give_turn(VsockConnection& connection);
  Result<std::optional<std::uint32_t>> give_data(VsockConnection& connection);
  Result<std::optional<Chain>> pop_room(std::uint32_t payload_bytes);
  static std::uint32_t payload_room(const Chain& chain);
  void give_header(Chain chain, const VsockHeader& header);
  void interrupt();

  EventLoop& loop_;  // not owned; outlives us
  const std::uint64_t guest_cid_;
  std::unique_ptr<VsockMux> mux_;
  std::unique_ptr<VsockUnixServer> server_;  // after the mux it feeds
  std::optional<Activation> active_;
  bool working_ = false;
  bool faulty_ = false;   // the driver broke the protocol; wait for its reset
  bool tx_left_ = false;  // packets may wait, for want of time or of room for answers
  bool later_posted_ = false;

  // Kept for their capacity.
  std::vector<Chain> batch_;
  std::vector<std::span<std::byte>> room_;
  std::vector<std::span<const std::byte>> payload_;

  // Work posted to the loop holds this weakly, and does nothing once we are gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace supermachine::virtio
