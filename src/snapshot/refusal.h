// SPDX-License-Identifier: Apache-2.0
// Can this host restore that snapshot? Every reason against it, not only the first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kvm/uapi.h"
#include "snapshot/snapshot.h"

namespace supermachine {

// What the host offers. Gathered by the caller: nothing here asks KVM.
struct HostFacts {
  std::vector<kvm_cpuid_entry2> supported_cpuid = {};  // KVM_GET_SUPPORTED_CPUID
  std::uint64_t page_size = 4096;
  std::uint64_t tsc_khz = 0;                         // 0: not known
  std::vector<std::uint32_t> kvm_capabilities = {};  // numbers of KVM_CAP_* it has, in order
  std::string guest_kernel = {};                     // build of the kernel we boot; empty: any
};

// The vendor that CPUID leaf 0 names: "GenuineIntel"; empty when `cpuid` has no leaf 0.
std::string cpu_vendor(const std::vector<kvm_cpuid_entry2>& cpuid);

// Each a sentence fragment for people; empty when nothing speaks against it.
std::vector<std::string> reasons_against(const Snapshot& snapshot, const HostFacts& host);
// The same of its parts.
std::vector<std::string> reasons_against(const SnapshotMetadata& metadata,
                                         const MachineState& state, const HostFacts& host);

}  // namespace supermachine
