// SPDX-License-Identifier: Apache-2.0
#include "virtio/mmio.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"

namespace supermachine::virtio {
namespace {

using namespace status_bit;

constexpr std::uint32_t kMagic = 0x7472'6976;  // "virt"
constexpr std::uint32_t kMmioVersion = 2;
constexpr std::uint32_t kVendor = 0x4d56'4d53;  // "SMVM"
constexpr std::uint32_t kNoSharedMemory = 0xffff'ffff;

std::uint32_t half(std::uint64_t value, std::uint32_t selector) {
  if (selector > 1) return 0;
  return static_cast<std::uint32_t>(value >> (32 * selector));
}

std::uint64_t with_half(std::uint64_t old, std::uint32_t value, bool high) {
  const unsigned shift = high ? 32 : 0;
  return (old & ~(std::uint64_t{0xffff'ffff} << shift)) | (std::uint64_t{value} << shift);
}

GuestAddr with_half(GuestAddr old, std::uint32_t value, bool high) {
  return GuestAddr{with_half(static_cast<std::uint64_t>(old), value, high)};
}

}  // namespace

MmioTransport::MmioTransport(Device& device, const GuestMemory& memory, Host host)
    : device_(device),
      memory_(memory),
      host_(std::move(host)),
      device_features_(device.features() | kTransportFeatures) {
  device_.read_config(0, config_);
  const MutexLock lock(mutex_);
  registers_.queues.resize(device.max_queue_sizes().size());
}

Result<std::unique_ptr<MmioTransport>> MmioTransport::create(const MmioState& state, Device& device,
                                                             const GuestMemory& memory, Host host) {
  SM_CHECK(host.raise_irq && host.run_on_loop && host.renotify);
  std::unique_ptr<MmioTransport> transport(new MmioTransport(device, memory, std::move(host)));
  SM_TRY(transport->restore(state));
  return transport;
}

MmioTransport::~MmioTransport() {
  if (active_) device_.reset();
}

Status MmioTransport::restore(const MmioState& state) {
  std::uint64_t features = 0;
  std::vector<MmioQueueState> queues;
  {
    const MutexLock lock(mutex_);
    const std::size_t count = registers_.queues.size();
    if (!state.queues.empty() && state.queues.size() != count) {
      return Error(Errc::kInvalidArgument, "saved device has another number of queues");
    }
    registers_ = state;
    registers_.queues.resize(count);
    if ((state.status & kFeaturesOk) != 0 && !features_acceptable()) {
      return Error(Errc::kInvalidArgument, "saved device has features this one does not offer");
    }
    features = registers_.driver_features;
    queues = registers_.queues;
  }
  interrupt_status_.store(state.interrupt_status, std::memory_order_relaxed);
  failed_ = (state.status & kNeedsReset) != 0;
  if ((state.status & kDriverOk) == 0 || failed_) return {};
  SM_TRY(activate(features, queues));
  // A device that last took exactly what there was has not asked to be told of more, so the driver
  // will not tell it.
  for (std::uint16_t queue = 0; queue < queues_.size(); ++queue) {
    if (queues_[queue].ready()) host_.renotify(queue);
  }
  return {};
}

MmioState MmioTransport::save() const {
  const MutexLock lock(mutex_);
  MmioState state = registers_;
  state.interrupt_status = interrupt_status_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].ready()) state.queues[i].queue = queues_[i].state();
  }
  return state;
}

std::uint16_t MmioTransport::queue_count() const {
  return static_cast<std::uint16_t>(device_.max_queue_sizes().size());
}

void MmioTransport::read(std::uint64_t offset, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  if (offset >= mmio_reg::kConfig) {
    const std::uint64_t at = offset - mmio_reg::kConfig;
    if (at >= kConfigSize) return;
    const std::size_t len = std::min<std::size_t>(out.size(), kConfigSize - at);
    std::copy_n(config_.begin() + static_cast<std::ptrdiff_t>(at), len, out.begin());
    return;
  }
  if (out.size() != sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0) return;
  // The guest reads this one on every interrupt.
  if (offset == mmio_reg::kInterruptStatus) {
    store_le(out, 0, interrupt_status_.load(std::memory_order_acquire));
    return;
  }
  const MutexLock lock(mutex_);
  store_le(out, 0, read_register(offset));
}

void MmioTransport::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset >= mmio_reg::kConfig) return;  // no device of ours has a field the driver may write
  if (bytes.size() != sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0) return;
  const auto value = load_le<std::uint32_t>(bytes, 0);
  switch (offset) {
    case mmio_reg::kInterruptAck:
      interrupt_status_.fetch_and(~value, std::memory_order_acq_rel);
      return;
    case mmio_reg::kQueueNotify:
      if (value >= queue_count()) return;
      host_.run_on_loop([this, value] { notify(static_cast<std::uint16_t>(value)); });
      return;
    case mmio_reg::kStatus:
      write_status(value);
      return;
    default:
      write_register(offset, value);
  }
}

std::uint32_t MmioTransport::read_register(std::uint64_t offset) const {
  if (offset >= mmio_reg::kShmLenLow && offset <= mmio_reg::kShmBaseHigh) return kNoSharedMemory;
  const bool queue_exists = registers_.queue_sel < registers_.queues.size();
  switch (offset) {
    case mmio_reg::kMagicValue:
      return kMagic;
    case mmio_reg::kVersion:
      return kMmioVersion;
    case mmio_reg::kDeviceId:
      return static_cast<std::uint32_t>(device_.type());
    case mmio_reg::kVendorId:
      return kVendor;
    case mmio_reg::kDeviceFeatures:
      return half(device_features_, registers_.device_features_sel);
    case mmio_reg::kQueueNumMax:
      return queue_exists ? device_.max_queue_sizes()[registers_.queue_sel] : 0U;
    case mmio_reg::kQueueReady:
      return queue_exists && registers_.queues[registers_.queue_sel].ready ? 1U : 0U;
    case mmio_reg::kStatus:
      return registers_.status;
    case mmio_reg::kConfigGeneration:
      return registers_.config_generation;
    default:
      return 0;
  }
}

void MmioTransport::write_register(std::uint64_t offset, std::uint32_t value) {
  const MutexLock lock(mutex_);
  switch (offset) {
    case mmio_reg::kDeviceFeaturesSel:
      registers_.device_features_sel = value;
      return;
    case mmio_reg::kDriverFeaturesSel:
      registers_.driver_features_sel = value;
      return;
    case mmio_reg::kDriverFeatures:
      set_driver_features(value);
      return;
    case mmio_reg::kQueueSel:
      registers_.queue_sel = value;
      return;
    default:
      write_queue_register(offset, value);
  }
}

// Section 3.1.1: features are open between DRIVER and FEATURES_OK.
void MmioTransport::set_driver_features(std::uint32_t value) {
  const std::uint32_t selector = registers_.driver_features_sel;
  if ((registers_.status & kDriver) == 0 || (registers_.status & kFeaturesOk) != 0) return;
  if (selector > 1) return;
  registers_.driver_features = with_half(registers_.driver_features, value, selector == 1);
}

MmioQueueState* MmioTransport::selected_queue() {
  if (registers_.queue_sel >= registers_.queues.size()) return nullptr;
  return &registers_.queues[registers_.queue_sel];
}

// Section 4.2.3.2: queues are set up between FEATURES_OK and DRIVER_OK, and a ready one is fixed.
void MmioTransport::write_queue_register(std::uint64_t offset, std::uint32_t value) {
  MmioQueueState* selected = selected_queue();
  if (selected == nullptr) return;
  const bool open = (registers_.status & kFeaturesOk) != 0 &&
                    (registers_.status & (kDriverOk | kNeedsReset)) == 0;
  if (!open) return;
  if (offset == mmio_reg::kQueueReady) {
    selected->ready = value == 1;
    return;
  }
  if (selected->ready) return;
  QueueLayout& layout = selected->queue.layout;
  switch (offset) {
    case mmio_reg::kQueueNum:
      // A size we never offered stays 0, which activation refuses.
      layout.size = value <= device_.max_queue_sizes()[registers_.queue_sel]
                        ? static_cast<std::uint16_t>(value)
                        : std::uint16_t{0};
      return;
    case mmio_reg::kQueueDescLow:
    case mmio_reg::kQueueDescHigh:
      layout.desc = with_half(layout.desc, value, offset == mmio_reg::kQueueDescHigh);
      return;
    case mmio_reg::kQueueDriverLow:
    case mmio_reg::kQueueDriverHigh:
      layout.avail = with_half(layout.avail, value, offset == mmio_reg::kQueueDriverHigh);
      return;
    case mmio_reg::kQueueDeviceLow:
    case mmio_reg::kQueueDeviceHigh:
      layout.used = with_half(layout.used, value, offset == mmio_reg::kQueueDeviceHigh);
      return;
    default:
      return;
  }
}

void MmioTransport::write_status(std::uint32_t value) {
  if (value == 0) {
    host_.run_on_loop([this] { reset_device(); });
    return;
  }
  {
    const MutexLock lock(mutex_);
    if (!add_status_bits(value)) return;
  }
  host_.run_on_loop([this] { start_device(); });
}

// Section 3.1.1: each bit needs its predecessor. Bits out of order are not taken, which the driver
// sees when it reads the status back; a driver cannot clear bits but by a reset. True when the
// device is to be started.
bool MmioTransport::add_status_bits(std::uint32_t value) {
  std::uint32_t status = registers_.status;
  if ((status & kNeedsReset) != 0) return false;
  const std::uint32_t added = value & ~status;
  const auto take = [&](std::uint32_t bit, bool allowed) {
    if (allowed) status |= added & bit;
    return (status & bit) != 0;
  };
  take(kFailed, true);
  const bool acknowledged = take(kAcknowledge, true);
  const bool has_driver = take(kDriver, acknowledged);
  const bool agreed = take(kFeaturesOk, has_driver && features_acceptable());
  registers_.status = status;
  return agreed && (added & kDriverOk) != 0;
}

bool MmioTransport::features_acceptable() const {
  return (registers_.driver_features & ~device_features_) == 0 &&
         (registers_.driver_features & kFeatureVersion1) != 0;
}

void MmioTransport::start_device() {
  if (active_) return;
  std::uint64_t features = 0;
  std::vector<MmioQueueState> queues;
  {
    const MutexLock lock(mutex_);
    // Another vCPU may have reset the device while this one waited for the loop.
    if ((registers_.status & kFeaturesOk) == 0 || (registers_.status & kNeedsReset) != 0) return;
    registers_.status |= kDriverOk;
    features = registers_.driver_features;
    queues = registers_.queues;
  }
  if (!activate(features, queues).ok()) fail_device();
}

Status MmioTransport::activate(std::uint64_t features, std::span<const MmioQueueState> layouts) {
  queues_.clear();
  for (const MmioQueueState& layout : layouts) {
    if (!layout.ready) {
      queues_.emplace_back();
      continue;
    }
    queues_.push_back(SM_TRY(Queue::create(memory_, layout.queue, features)));
  }
  active_ = true;
  return device_.activate({
      .features = features,
      .queues = queues_,
      .raise_irq = [this](std::uint16_t /*queue*/) { interrupt(kInterruptUsedBuffer); },
      .fail = [this](const Error& /*reason*/) { fail_device(); },
  });
}

void MmioTransport::reset_device() {
  if (std::exchange(active_, false)) device_.reset();
  queues_.clear();
  failed_ = false;
  const MutexLock lock(mutex_);
  const std::size_t count = registers_.queues.size();
  registers_ = MmioState{};
  registers_.queues.resize(count);
  interrupt_status_.store(0, std::memory_order_release);
}

// Section 2.1.2: the driver learns of it by a configuration change.
void MmioTransport::fail_device() {
  failed_ = true;
  {
    const MutexLock lock(mutex_);
    registers_.status |= kNeedsReset;
  }
  interrupt(kInterruptConfigChange);
}

void MmioTransport::interrupt(std::uint32_t cause) {
  interrupt_status_.fetch_or(cause, std::memory_order_acq_rel);
  host_.raise_irq();
}

void MmioTransport::notify(std::uint16_t queue) {
  if (!active_ || failed_ || queue >= queues_.size()) return;
  const Result<Progress> progress = device_.on_notify(queue);
  if (!progress.ok()) {
    fail_device();
  } else if (progress.value() == Progress::kMore) {
    host_.renotify(queue);
  }
}

}  // namespace supermachine::virtio
