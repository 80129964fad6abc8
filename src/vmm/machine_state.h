// SPDX-License-Identifier: Apache-2.0
// All of a machine but its memory, as plain structs: what a snapshot stores and what every machine,
// booted or restored, starts from.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kvm/state.h"
#include "virtio/block.h"
#include "virtio/mmio.h"
#include "virtio/rng.h"
#include "virtio/vsock.h"
#include "vmm/serial.h"

namespace supermachine {

// A device and the registers through which the guest reaches it.
template <typename DeviceState>
struct SlotState {
  virtio::MmioState transport = {};
  DeviceState device = {};
};

struct MachineState {
  std::uint64_t memory_mib = 0;
  std::vector<kvm::VcpuState> vcpus = {};
  kvm::VmState vm = {};
  SerialState serial = {};
  // In the order in which the guest finds them.
  std::optional<SlotState<virtio::BlockState>> root = {};
  SlotState<virtio::VsockState> vsock = {};
  SlotState<virtio::RngState> rng = {};
};

}  // namespace supermachine
