// SPDX-License-Identifier: Apache-2.0
// The least that a restore can cost: the same bare system calls and the same guest, with nothing of
// ours around them. Natively, on any KVM.
#pragma once

#include <chrono>
#include <cstdint>

#include "supermachine/result.h"
#include "vmm/machine_state.h"

namespace supermachine::bench {

struct FloorTimes {
  std::chrono::nanoseconds cold{};    // to the guest's first exit, from nothing
  std::chrono::nanoseconds shell{};   // from a VM with vCPU and memory slot, made ahead
  std::chrono::nanoseconds rewind{};  // private pages dropped, registers set, run to the exit
};

// The kernel takes VMs down in the background; this waits until it should be done, so that what is
// measured next is not measured against that.
void settle();

// `memory` is a file of that many bytes with the guest in it; of `state` only what the guest cannot
// do without is set: CPUID, and the registers of its one vCPU.
Result<FloorTimes> measure_floor(int memory, std::uint64_t bytes, const MachineState& state);

}  // namespace supermachine::bench
