// SPDX-License-Identifier: Apache-2.0
#include "snapshot/refusal.h"

#include <algorithm>
#include <iterator>

#include "snapshot/cpu_features.h"

namespace supermachine {
namespace {

// How far two clocks may be apart and still be the same rate to KVM: its tsc_tolerance_ppm.
constexpr std::uint64_t kTscTolerancePpm = 250;

struct CapabilityName {
  std::uint32_t number;
  const char* name;
};

// Those a snapshot of ours may name.
constexpr CapabilityName kCapabilityNames[] = {
    {KVM_CAP_IRQCHIP, "IRQCHIP"},
    {KVM_CAP_USER_MEMORY, "USER_MEMORY"},
    {KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR"},
    {KVM_CAP_EXT_CPUID, "EXT_CPUID"},
    {KVM_CAP_MP_STATE, "MP_STATE"},
    {KVM_CAP_IRQFD, "IRQFD"},
    {KVM_CAP_PIT2, "PIT2"},
    {KVM_CAP_PIT_STATE2, "PIT_STATE2"},
    {KVM_CAP_IOEVENTFD, "IOEVENTFD"},
    {KVM_CAP_ADJUST_CLOCK, "ADJUST_CLOCK"},
    {KVM_CAP_VCPU_EVENTS, "VCPU_EVENTS"},
    {KVM_CAP_DEBUGREGS, "DEBUGREGS"},
    {KVM_CAP_XSAVE, "XSAVE"},
    {KVM_CAP_XCRS, "XCRS"},
    {KVM_CAP_TSC_CONTROL, "TSC_CONTROL"},
    {KVM_CAP_GET_TSC_KHZ, "GET_TSC_KHZ"},
    {KVM_CAP_KVMCLOCK_CTRL, "KVMCLOCK_CTRL"},
    {KVM_CAP_TSC_DEADLINE_TIMER, "TSC_DEADLINE_TIMER"},
    {KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT"},
    {KVM_CAP_XSAVE2, "XSAVE2"},
};

std::string capability_name(std::uint32_t number) {
  const auto* found = std::ranges::find(kCapabilityNames, number, &CapabilityName::number);
  std::string text = "capability " + std::to_string(number);
  return found == std::end(kCapabilityNames) ? text : std::string(found->name) + " (" + text + ")";
}

bool contains(const std::vector<std::uint32_t>& numbers, std::uint32_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

bool same_rate(std::uint64_t one, std::uint64_t other) {
  const std::uint64_t apart = std::max(one, other) - std::min(one, other);
  return apart <= one / (1'000'000 / kTscTolerancePpm);
}

using Reasons = std::vector<std::string>;

void add_cpu(const SnapshotMetadata& metadata, const MachineState& state, const HostFacts& host,
             Reasons& reasons) {
  const std::string vendor = cpu_vendor(host.supported_cpuid);
  if (!metadata.host.cpu_vendor.empty() && metadata.host.cpu_vendor != vendor) {
    reasons.push_back("the CPU is " + (vendor.empty() ? "of an unknown vendor" : vendor) +
                      ", not " + metadata.host.cpu_vendor);
  }
  std::vector<std::vector<kvm_cpuid_entry2>> cpuids;
  std::uint64_t xcr0 = 0;
  for (const kvm::VcpuState& vcpu : state.vcpus) {
    cpuids.push_back(vcpu.cpuid);
    xcr0 |= vcpu.xcr0;
  }
  for (const std::string& name : snapshot::missing_features(cpuids, host.supported_cpuid)) {
    reasons.push_back("the CPU lacks " + name);
  }
  xcr0 &= ~snapshot::supported_xcr0(host.supported_cpuid);
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((xcr0 >> bit & 1) != 0) {
      reasons.push_back("the CPU lacks XSAVE component " + std::to_string(bit));
    }
  }
}

void add_tsc(const SnapshotMetadata& metadata, const MachineState& state, const HostFacts& host,
             Reasons& reasons) {
  std::uint64_t guest_khz = state.vcpus.empty() ? 0 : state.vcpus.front().tsc_khz;
  if (guest_khz == 0) guest_khz = metadata.host.tsc_khz;
  if (guest_khz == 0 || host.tsc_khz == 0 || same_rate(host.tsc_khz, guest_khz)) return;
  if (contains(host.kvm_capabilities, KVM_CAP_TSC_CONTROL)) return;
  reasons.push_back("the TSC runs at " + std::to_string(host.tsc_khz) + " kHz, not " +
                    std::to_string(guest_khz) + ", and KVM cannot scale it");
}

}  // namespace

std::string cpu_vendor(const std::vector<kvm_cpuid_entry2>& cpuid) {
  return snapshot::vendor_of(cpuid);
}

std::vector<std::string> reasons_against(const SnapshotMetadata& metadata,
                                         const MachineState& state, const HostFacts& host) {
  Reasons reasons;
  add_cpu(metadata, state, host, reasons);
  if (metadata.host.page_size != host.page_size) {
    reasons.push_back("pages are " + std::to_string(host.page_size) + " bytes, not " +
                      std::to_string(metadata.host.page_size));
  }
  for (const std::uint32_t number : metadata.host.kvm_capabilities) {
    if (!contains(host.kvm_capabilities, number)) {
      reasons.push_back("KVM lacks " + capability_name(number));
    }
  }
  add_tsc(metadata, state, host, reasons);
  if (!host.guest_kernel.empty() && !metadata.host.guest_kernel.empty() &&
      host.guest_kernel != metadata.host.guest_kernel) {
    reasons.push_back("the guest kernel is " + host.guest_kernel + ", not " +
                      metadata.host.guest_kernel);
  }
  return reasons;
}

std::vector<std::string> reasons_against(const Snapshot& snapshot, const HostFacts& host) {
  return reasons_against(snapshot.metadata(), snapshot.state(), host);
}

}  // namespace supermachine
