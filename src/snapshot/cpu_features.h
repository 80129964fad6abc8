// SPDX-License-Identifier: Apache-2.0
// The bits of CPUID that say what programs may use, by name: a snapshot's guest has found them once
// and does not look again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kvm/uapi.h"

namespace supermachine::snapshot {

// The names, as Linux has them in /proc/cpuinfo, of what some vCPU has and the host has not. Bits
// without a name come as "leaf 7 ebx bit 30". Bits that depend on a processor's place or state, not
// on its abilities, are left out.
std::vector<std::string> missing_features(std::span<const std::vector<kvm_cpuid_entry2>> vcpus,
                                          const std::vector<kvm_cpuid_entry2>& host);

// "GenuineIntel"; empty when there is no leaf 0.
std::string vendor_of(const std::vector<kvm_cpuid_entry2>& cpuid);

// What XCR0 may hold: leaf 0xd.
std::uint64_t supported_xcr0(const std::vector<kvm_cpuid_entry2>& cpuid);

}  // namespace supermachine::snapshot
