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

Result<std::unique_ptr<VirtioSlot>> VirtioSlot::create(std::uint32_t index,
                                                       const virtio::MmioState& state,
                                                       std::unique_ptr<virtio::Device> device,
                                                       kvm::Vm& vm, const GuestMemory& memory,
                                                       Bus& mmio, DeviceLoop& loop) {
  std::unique_ptr<VirtioSlot> slot(
      new VirtioSlot(std::move(device), SM_TRY(sys::event_fd()), loop));
  SM_TRY(vm.add_irqfd(slot->irq_.get(), boot::kFirstVirtioIrq + index));

  const std::size_t queues = slot->device_->max_queue_sizes().size();
  for (std::uint32_t queue = 0; queue < queues; ++queue) {
    slot->queue_events_.push_back(SM_TRY(sys::event_fd()));
    SM_TRY(vm.add_ioeventfd(slot->queue_events_.back().get(),
                            window(index) + virtio::mmio_reg::kQueueNotify, queue));
  }
  VirtioSlot* self = slot.get();
  slot->transport_ = SM_TRY(virtio::MmioTransport::create(
      state, *slot->device_, memory,
      {.raise_irq = [self] { sys::event_fd_signal(self->irq_.get()); },
       .run_on_loop = [self](const std::function<void()>& work) { self->loop_.run(work); },
       .renotify =
           [self](std::uint16_t queue) {
             sys::event_fd_signal(self->queue_events_[queue].get());
           }}));
  for (std::uint16_t queue = 0; queue < queues; ++queue) {
    const int fd = slot->queue_events_[queue].get();
    SM_TRY(loop.events().add(fd, EPOLLIN, [self, fd, queue](std::uint32_t) {
      sys::event_fd_clear(fd);
      self->transport_->notify(queue);
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

VirtioSlot::~VirtioSlot() {
  for (const UniqueFd& event : queue_events_) loop_.events().remove(event.get());
}

}  // namespace supermachine
