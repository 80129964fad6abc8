// SPDX-License-Identifier: Apache-2.0
// The guest side of a virtio-mmio device: the initialisation a driver does, register by register.
#pragma once

#include <array>

#include "base/endian.h"
#include "virtio/mmio.h"

namespace supermachine::virtio {

class FakeMmioDriver {
 public:
  explicit FakeMmioDriver(MmioTransport& transport) : transport_(transport) {}

  [[nodiscard]] std::uint32_t read(std::uint64_t offset) {
    std::array<std::byte, 4> bytes{};
    transport_.read(offset, bytes);
    return load_le<std::uint32_t>(bytes, 0);
  }
  void write(std::uint64_t offset, std::uint32_t value) {
    std::array<std::byte, 4> bytes{};
    store_le(bytes, 0, value);
    transport_.write(offset, bytes);
  }

  [[nodiscard]] std::uint32_t status() { return read(mmio_reg::kStatus); }
  void add_status(std::uint32_t bits) { write(mmio_reg::kStatus, status() | bits); }

  [[nodiscard]] std::uint64_t offered_features() {
    write(mmio_reg::kDeviceFeaturesSel, 1);
    const std::uint64_t high = read(mmio_reg::kDeviceFeatures);
    write(mmio_reg::kDeviceFeaturesSel, 0);
    return high << 32 | read(mmio_reg::kDeviceFeatures);
  }

  void set_features(std::uint64_t features) {
    write(mmio_reg::kDriverFeaturesSel, 0);
    write(mmio_reg::kDriverFeatures, static_cast<std::uint32_t>(features));
    write(mmio_reg::kDriverFeaturesSel, 1);
    write(mmio_reg::kDriverFeatures, static_cast<std::uint32_t>(features >> 32));
  }

  // virtio 1.2, 3.1.1 up to step 6; whether the device took the features.
  bool negotiate(std::uint64_t features) {
    write(mmio_reg::kStatus, 0);
    add_status(status_bit::kAcknowledge);
    add_status(status_bit::kDriver);
    set_features(features);
    add_status(status_bit::kFeaturesOk);
    return (status() & status_bit::kFeaturesOk) != 0;
  }

  void set_up_queue(std::uint32_t index, const QueueLayout& layout) {
    write(mmio_reg::kQueueSel, index);
    write(mmio_reg::kQueueNum, layout.size);
    write_address(mmio_reg::kQueueDescLow, layout.desc);
    write_address(mmio_reg::kQueueDriverLow, layout.avail);
    write_address(mmio_reg::kQueueDeviceLow, layout.used);
    write(mmio_reg::kQueueReady, 1);
  }

  void start() { add_status(status_bit::kDriverOk); }
  void notify(std::uint32_t queue) { write(mmio_reg::kQueueNotify, queue); }

 private:
  void write_address(std::uint64_t offset, GuestAddr addr) {
    const auto value = static_cast<std::uint64_t>(addr);
    write(offset, static_cast<std::uint32_t>(value));
    write(offset + 4, static_cast<std::uint32_t>(value >> 32));
  }

  MmioTransport& transport_;
};

}  // namespace supermachine::virtio
