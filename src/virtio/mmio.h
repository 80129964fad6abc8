// SPDX-License-Identifier: Apache-2.0
// How a guest reaches a virtio device through memory-mapped registers (virtio 1.2, 4.2.2 and
// 4.2.3, version 2). Validates what all devices share: features, queue addresses, the order of
// status bits. Knows nothing of KVM: interrupts and threads come through MmioTransport::Host.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "virtio/device.h"

namespace supermachine::virtio {

// Section 4.2.2, table 4.1. A VMM registers ioeventfds at kQueueNotify, one for each queue index.
namespace mmio_reg {
inline constexpr std::uint64_t kMagicValue = 0x000;
inline constexpr std::uint64_t kVersion = 0x004;
inline constexpr std::uint64_t kDeviceId = 0x008;
inline constexpr std::uint64_t kVendorId = 0x00c;
inline constexpr std::uint64_t kDeviceFeatures = 0x010;
inline constexpr std::uint64_t kDeviceFeaturesSel = 0x014;
inline constexpr std::uint64_t kDriverFeatures = 0x020;
inline constexpr std::uint64_t kDriverFeaturesSel = 0x024;
inline constexpr std::uint64_t kQueueSel = 0x030;
inline constexpr std::uint64_t kQueueNumMax = 0x034;
inline constexpr std::uint64_t kQueueNum = 0x038;
inline constexpr std::uint64_t kQueueReady = 0x044;
inline constexpr std::uint64_t kQueueNotify = 0x050;
inline constexpr std::uint64_t kInterruptStatus = 0x060;
inline constexpr std::uint64_t kInterruptAck = 0x064;
inline constexpr std::uint64_t kStatus = 0x070;
inline constexpr std::uint64_t kQueueDescLow = 0x080;
inline constexpr std::uint64_t kQueueDescHigh = 0x084;
inline constexpr std::uint64_t kQueueDriverLow = 0x090;
inline constexpr std::uint64_t kQueueDriverHigh = 0x094;
inline constexpr std::uint64_t kQueueDeviceLow = 0x0a0;
inline constexpr std::uint64_t kQueueDeviceHigh = 0x0a4;
inline constexpr std::uint64_t kShmLenLow = 0x0b0;
inline constexpr std::uint64_t kShmBaseHigh = 0x0bc;
inline constexpr std::uint64_t kConfigGeneration = 0x0fc;
inline constexpr std::uint64_t kConfig = 0x100;
}  // namespace mmio_reg

inline constexpr std::uint64_t kMmioSize = 0x1000;  // of one device's window

// Section 2.1.
namespace status_bit {
inline constexpr std::uint32_t kAcknowledge = 1;
inline constexpr std::uint32_t kDriver = 2;
inline constexpr std::uint32_t kDriverOk = 4;
inline constexpr std::uint32_t kFeaturesOk = 8;
inline constexpr std::uint32_t kNeedsReset = 64;
inline constexpr std::uint32_t kFailed = 128;
}  // namespace status_bit

// Section 4.2.2, InterruptStatus.
inline constexpr std::uint32_t kInterruptUsedBuffer = 1;
inline constexpr std::uint32_t kInterruptConfigChange = 2;

struct MmioQueueState {
  QueueState queue{};
  bool ready = false;
};

// Default-constructed: power-on.
struct MmioState {
  std::uint32_t status = 0;
  std::uint32_t interrupt_status = 0;
  std::uint32_t config_generation = 0;
  std::uint32_t device_features_sel = 0;
  std::uint32_t driver_features_sel = 0;
  std::uint32_t queue_sel = 0;
  std::uint64_t driver_features = 0;
  std::vector<MmioQueueState> queues = {};  // empty, or one for each queue of the device
};

// read() and write() belong to vCPU threads, several at once; everything else to the device loop.
class MmioTransport {
 public:
  struct Host {
    // Signals the interrupt's irqfd. Any thread.
    std::function<void()> raise_irq = {};
    // Runs the work on the device loop's thread and returns when it is done. Called on vCPU
    // threads with no lock held. A test runs the work at once.
    std::function<void(std::function<void()>)> run_on_loop = {};
    // Has notify(queue) called again on the loop, after other work had its turn: signalling the
    // queue's ioeventfd will do. Called on the loop.
    std::function<void(std::uint16_t queue)> renotify = {};
  };

  // Takes up a device where `state` left it; MmioState{} is power-on. A state that says DRIVER_OK
  // activates the device, and has each of its queues looked at once. kGuestFault or
  // kInvalidArgument for a state that does not fit the device or the memory.
  static Result<std::unique_ptr<MmioTransport>> create(const MmioState& state, Device& device,
                                                       const GuestMemory& memory, Host host);
  MmioTransport(const MmioTransport&) = delete;
  MmioTransport& operator=(const MmioTransport&) = delete;
  ~MmioTransport();  // deactivates the device

  // A guest access at `offset` into the window. Registers take aligned 32-bit accesses and the
  // config space any; what is not there reads as zeroes and swallows writes.
  void read(std::uint64_t offset, std::span<std::byte> out);
  void write(std::uint64_t offset, std::span<const std::byte> bytes);

  // The ioeventfd of `queue` fired.
  void notify(std::uint16_t queue);

  // Call with the vCPUs stopped.
  [[nodiscard]] MmioState save() const;

  [[nodiscard]] std::uint16_t queue_count() const;

 private:
  // The whole space for any device of ours. Cached, so that config reads stay on the vCPU thread.
  static constexpr std::size_t kConfigSize = 256;

  MmioTransport(Device& device, const GuestMemory& memory, Host host);

  Status restore(const MmioState& state);
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset) const SM_REQUIRES(mutex_);
  void write_register(std::uint64_t offset, std::uint32_t value);
  void write_queue_register(std::uint64_t offset, std::uint32_t value) SM_REQUIRES(mutex_);
  void set_driver_features(std::uint32_t value) SM_REQUIRES(mutex_);
  void write_status(std::uint32_t value);
  [[nodiscard]] bool add_status_bits(std::uint32_t value) SM_REQUIRES(mutex_);
  [[nodiscard]] bool features_acceptable() const SM_REQUIRES(mutex_);
  [[nodiscard]] MmioQueueState* selected_queue() SM_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t offered_features() const;

  // On the loop.
  void start_device();
  Status activate(std::uint64_t features, std::span<const MmioQueueState> layouts);
  void reset_device();
  void fail_device();
  void interrupt(std::uint32_t cause);

  Device& device_;             // not owned; outlives us
  const GuestMemory& memory_;  // not owned; outlives us
  const Host host_;
  const std::uint64_t device_features_;
  std::array<std::byte, kConfigSize> config_{};  // constant once created

  std::atomic<std::uint32_t> interrupt_status_{0};
  mutable Mutex mutex_;  // never held while the device or the host is called
  MmioState registers_ SM_GUARDED_BY(mutex_);

  // Loop only.
  std::vector<Queue> queues_;  // as long as the device is active
  bool active_ = false;
  bool failed_ = false;
};

}  // namespace supermachine::virtio
