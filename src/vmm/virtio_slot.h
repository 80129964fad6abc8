// SPDX-License-Identifier: Apache-2.0
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
  // `index` says where: window and interrupt line follow from it (boot/layout.h). It is empty until
  // a device is plugged in, which has at most `queues` queues. All references are borrowed and
  // outlive the slot.
  static Result<std::unique_ptr<VirtioSlot>> create(std::uint32_t index, std::uint32_t queues,
                                                    kvm::Vm& vm, const GuestMemory& memory,
                                                    Bus& mmio, DeviceLoop& loop);
  VirtioSlot(const VirtioSlot&) = delete;
  VirtioSlot& operator=(const VirtioSlot&) = delete;
  ~VirtioSlot();  // on the loop's thread, or when the loop has stopped

  // How the guest's kernel is told of the device.
  [[nodiscard]] static std::string kernel_arg(std::uint32_t index);

  // On the loop's thread, or before it runs, with the vCPUs parked. Takes the place of what is
  // plugged in. The guest hears again of what its driver may have missed.
  Status plug(const virtio::MmioState& state, std::unique_ptr<virtio::Device> device);
  void unplug();
  // Handles what the driver has queued, as far as the device can.
  void drain();
  [[nodiscard]] virtio::MmioState save() const { return transport_->save(); }

 private:
  VirtioSlot(UniqueFd irq, const GuestMemory& memory, DeviceLoop& loop)
      : memory_(memory), loop_(loop), irq_(std::move(irq)) {}

  const GuestMemory& memory_;
  DeviceLoop& loop_;
  UniqueFd irq_;
  std::vector<UniqueFd> queue_events_;
  std::unique_ptr<virtio::Device> device_;
  std::unique_ptr<virtio::MmioTransport> transport_;
};

}  // namespace supermachine
