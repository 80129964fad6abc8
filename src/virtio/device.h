// SPDX-License-Identifier: Apache-2.0
// What a virtio device is (virtio 1.2, chapters 2 and 5), apart from how the guest reaches it (a
// transport) and where its bytes come from (a backend). Adding a device means one implementation of
// this interface.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "virtio/queue.h"

namespace supermachine::virtio {

enum class DeviceType : std::uint32_t { kNet = 1, kBlock = 2, kRng = 4, kVsock = 19 };

inline constexpr std::uint64_t kFeatureVersion1 = 1ULL << 32;
// What the transport offers on behalf of every device.
inline constexpr std::uint64_t kTransportFeatures =
    kFeatureVersion1 | kFeatureIndirectDesc | kFeatureEventIdx;

// Everything a device may touch once the driver is ready. The transport builds it, so a device can
// be driven from a test with no transport, no vCPU and no KVM.
struct Activation {
  std::uint64_t features = 0;    // what device and driver agreed on
  std::span<Queue> queues = {};  // the transport's; valid until reset()
  // Ask queues[queue].needs_interrupt() first.
  std::function<void(std::uint16_t queue)> raise_irq = {};
  // The driver broke the protocol, and it was noticed outside on_notify(). The device stays active
  // but is not notified again until it is reset.
  std::function<void(const Error&)> fail = {};
};

// What on_notify() left behind.
enum class Progress : std::uint8_t {
  kDrained,  // nothing to do until the driver notifies again
  kMore,     // had its turn; call again once others had theirs
};

// Calls arrive on one thread: the device loop. Implementations need no locks. The first three
// answer the same all their life, and on any thread.
class Device {
 public:
  virtual ~Device() = default;

  [[nodiscard]] virtual DeviceType type() const = 0;
  [[nodiscard]] virtual std::uint64_t features() const = 0;  // without kTransportFeatures
  [[nodiscard]] virtual std::span<const std::uint16_t> max_queue_sizes() const = 0;

  // Fills `out` from the config space. Bytes past its end are zero, as the specification asks.
  virtual void read_config(std::uint32_t offset, std::span<std::byte> out) const = 0;

  // The driver set DRIVER_OK, or a saved device that had it set comes back. Must not block.
  virtual Status activate(Activation activation) = 0;

  // The driver rang `queue`. Handles at most one queue length of requests. An error here means the
  // driver broke the protocol: the transport sets DEVICE_NEEDS_RESET and the VM lives on. A failing
  // request is not an error; report it in-band.
  virtual Result<Progress> on_notify(std::uint16_t queue) = 0;

  // Back to just after construction.
  virtual void reset() = 0;
};

}  // namespace supermachine::virtio
