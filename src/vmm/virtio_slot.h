// A virtio device plugged into a machine: its window on the MMIO bus, an eventfd for each queue
// that the guest rings without an exit to us, and its interrupt line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kvm/kvm.h"
#include "virtio/mmio.h"
#include "vmm/bus.h"
#include "vmm/device_loop.h"

namespace supermachine {

class VirtioSlot {
 public:
  // `index` says where: window and interrupt line follow from it (boot/layout.h). All references
  // are borrowed and outlive the slot.
  static Result<std::unique_ptr<VirtioSlot>> create(std::uint32_t index,
                                                    const virtio::MmioState& state,
                                                    std::unique_ptr<virtio::Device> device,
                                                    kvm::Vm& vm, const GuestMemory& memory,
                                                    Bus& mmio, DeviceLoop& loop);
  VirtioSlot(const VirtioSlot&) = delete;
  VirtioSlot& operator=(const VirtioSlot&) = delete;
  ~VirtioSlot();  // on the loop's thread, or when the loop has stopped

  // How the guest's kernel is told of the device.
  [[nodiscard]] static std::string kernel_arg(std::uint32_t index);

 private:
  VirtioSlot(std::unique_ptr<virtio::Device> device, UniqueFd irq, DeviceLoop& loop)
      : loop_(loop), device_(std::move(device)), irq_(std::move(irq)) {}

  DeviceLoop& loop_;
  std::unique_ptr<virtio::Device> device_;
  UniqueFd irq_;
  std::vector<UniqueFd> queue_events_;
  std::unique_ptr<virtio::MmioTransport> transport_;
};

}  // namespace supermachine
