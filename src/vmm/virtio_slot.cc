// SPDX-License-Identifier: Apache-2.0
#include "vmm/virtio_slot.h"

#include <array>
#include <charconv>

#include "base/sys.h"
#include "boot/layout.h"

namespace supermachine {
namespace {

GuestAddr window(std::uint32_t index) {
  return GuestAddr{boot::kVirtioMmioBase} + index * boot::kVirtioMmioStride;
}

}  // namespace

std::string VirtioSlot::kernel_arg(std::uint32_t index) {
  std::array<char, 16> hex{};
  const auto end =
      std::to_chars(hex.begin(), hex.end(), static_cast<std::uint64_t>(window(index)), 16).ptr;
  return "virtio_mmio.device=4K@0x" + std::string(hex.begin(), end) + ":" +
         std::to_string(boot::kFirstVirtioIrq + index);
}

Result<std::unique_ptr<VirtioSlot>> VirtioSlot::create(std::uint32_t index, std::uint32_t queues,
                                                       kvm::Vm& vm, const GuestMemory& memory,
                                                       Bus& mmio, DeviceLoop& loop) {
  std::unique_ptr<VirtioSlot> slot(new VirtioSlot(SM_TRY(sys::event_fd()), memory, loop));
  SM_TRY(vm.add_irqfd(slot->irq_.get(), boot::kFirstVirtioIrq + index));
  VirtioSlot* self = slot.get();
  for (std::uint32_t queue = 0; queue < queues; ++queue) {
    slot->queue_events_.push_back(SM_TRY(sys::event_fd()));
    const int fd = slot->queue_events_.back().get();
    SM_TRY(vm.add_ioeventfd(fd, window(index) + virtio::mmio_reg::kQueueNotify, queue));
    SM_TRY(loop.events().add(fd, EPOLLIN, [self, fd, queue](std::uint32_t) {
      sys::event_fd_clear(fd);
      if (self->transport_) self->transport_->notify(static_cast<std::uint16_t>(queue));
    }));
  }
  mmio.add(static_cast<std::uint64_t>(window(index)), virtio::kMmioSize,
           {.read = [self](std::uint64_t offset,
                           std::span<std::byte> out) { self->transport_->read(offset, out); },
            .write =
                [self](std::uint64_t offset, std::span<const std::byte> bytes) {
                  self->transport_->write(offset, bytes);
                }});
  return slot;
}

Status VirtioSlot::plug(const virtio::MmioState& state, std::unique_ptr<virtio::Device> device) {
  unplug();
  if (device->max_queue_sizes().size() > queue_events_.size())
    return Error(Errc::kInvalidArgument, "a device with more queues than its slot");
  device_ = std::move(device);
  transport_ = SM_TRY(virtio::MmioTransport::create(
      state, *device_, memory_,
      {.raise_irq = [this] { sys::event_fd_signal(irq_.get()); },
       .run_on_loop = [this](const std::function<void()>& work) { loop_.run(work); },
       .renotify =
           [this](std::uint16_t queue) { sys::event_fd_signal(queue_events_[queue].get()); }}));
  // An interrupt may have been on its way to the controllers when they were saved.
  if (state.interrupt_status != 0) sys::event_fd_signal(irq_.get());
  return {};
}

void VirtioSlot::unplug() {
  transport_.reset();
  device_.reset();
}

void VirtioSlot::drain() {
  for (std::size_t queue = 0; queue < queue_events_.size(); ++queue) {
    sys::event_fd_clear(queue_events_[queue].get());
    if (transport_) transport_->notify(static_cast<std::uint16_t>(queue));
  }
}

VirtioSlot::~VirtioSlot() {
  for (const UniqueFd& event : queue_events_) loop_.events().remove(event.get());
}

}  // namespace supermachine
