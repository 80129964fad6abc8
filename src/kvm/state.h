// SPDX-License-Identifier: Apache-2.0
// What makes one virtual machine's processors and interrupt controllers equal to another's, as
// plain structs in KVM's own types. Boot computes them, a snapshot stores them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kvm/uapi.h"

namespace supermachine::kvm {

struct Msr {
  std::uint32_t index = 0;
  std::uint64_t value = 0;

  bool operator==(const Msr&) const = default;
};

// Of one vCPU. What is absent stays as KVM has it at power-on.
struct VcpuState {
  std::vector<kvm_cpuid_entry2> cpuid = {};
  kvm_mp_state mp_state = {};
  kvm_regs regs = {};
  kvm_sregs sregs = {};
  std::uint64_t xcr0 = 0;             // 0 for a processor without XSAVE
  std::vector<std::byte> xsave = {};  // as KVM_GET_XSAVE2 gives it
  std::optional<kvm_debugregs> debugregs = {};
  std::optional<kvm_lapic_state> lapic = {};
  std::vector<Msr> msrs = {};  // in the order in which they are to be set
  std::optional<kvm_vcpu_events> events = {};
  std::uint32_t tsc_khz = 0;  // 0: the host's
};

// Of what all vCPUs share.
struct VmState {
  // Two PICs and the IOAPIC, by KVM_IRQCHIP_*.
  std::array<kvm_irqchip, KVM_NR_IRQCHIPS> irqchips = {};
  kvm_pit_state2 pit = {};
  std::uint64_t clock_ns = 0;  // of the para-virtual clock
};

}  // namespace supermachine::kvm
