// SPDX-License-Identifier: Apache-2.0
// virtio-rng (virtio 1.2, section 5.4): the smallest device, and the one to copy for a new one.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "virtio/backend/entropy.h"
#include "virtio/device.h"

namespace supermachine::virtio {

// Nothing of its own: features and queue positions are the transport's.
struct RngState {};

class Rng final : public Device {
 public:
  static constexpr std::uint32_t kQueues = 1;
  // What one request gets at most, however large its buffers.
  static constexpr std::uint32_t kMaxRequestBytes = 64 << 10;

  static Result<std::unique_ptr<Rng>> create(const RngState& state, EntropySource& entropy);

  [[nodiscard]] DeviceType type() const override { return DeviceType::kRng; }
  [[nodiscard]] std::uint64_t features() const override { return 0; }
  [[nodiscard]] std::span<const std::uint16_t> max_queue_sizes() const override {
    return kQueueSizes;
  }
  void read_config(std::uint32_t offset, std::span<std::byte> out) const override;
  Status activate(Activation activation) override;
  Result<Progress> on_notify(std::uint16_t queue) override;
  void reset() override { active_.reset(); }

  [[nodiscard]] RngState save() const { return {}; }

 private:
  static constexpr std::array<std::uint16_t, kQueues> kQueueSizes{64};

  explicit Rng(EntropySource& entropy) : entropy_(entropy) {}
  std::uint32_t fill(const Chain& chain);

  EntropySource& entropy_;  // not owned; outlives us
  std::optional<Activation> active_;
};

}  // namespace supermachine::virtio
