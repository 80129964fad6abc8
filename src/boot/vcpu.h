// SPDX-License-Identifier: Apache-2.0
// How a vCPU starts: CPUID, registers, MSRs, local interrupt lines.
#pragma once

#include <vector>

#include "boot/kernel.h"
#include "kvm/kvm.h"

namespace supermachine::boot {

// What vCPU `id` of `count` sees: KVM's supported features with its own APIC id and topology, the
// KVM signature and para-virtual clock, the TSC deadline timer; no performance counters.
[[nodiscard]] std::vector<kvm_cpuid_entry2> make_cpuid(std::vector<kvm_cpuid_entry2> supported,
                                                       std::uint32_t id, std::uint32_t count);

// vCPU 0 enters the kernel in long mode; the others wait for the kernel to start them. Interrupts
// come in virtual wire mode, as the MP table says: the PIC on LINT0, NMI on LINT1. `vcpu` has just
// been made.
Result<kvm::VcpuState> initial_vcpu_state(const kvm::Vcpu& vcpu, const LoadedKernel& kernel,
                                          const std::vector<kvm_cpuid_entry2>& supported,
                                          std::uint32_t id, std::uint32_t count);

}  // namespace supermachine::boot
