// SPDX-License-Identifier: Apache-2.0
#include "api/host_facts.h"

#include <algorithm>
#include <array>
#include <climits>
#include <iterator>
#include <set>

#include "boot/kernel_id.h"
#include "kvm/kvm.h"

namespace supermachine {
namespace {

// What saving and loading a machine takes.
constexpr std::array<std::uint32_t, 13> kUsed{KVM_CAP_IRQCHIP,
                                              KVM_CAP_PIT_STATE2,
                                              KVM_CAP_IRQFD,
                                              KVM_CAP_IOEVENTFD,
                                              KVM_CAP_MP_STATE,
                                              KVM_CAP_VCPU_EVENTS,
                                              KVM_CAP_DEBUGREGS,
                                              KVM_CAP_XSAVE,
                                              KVM_CAP_XCRS,
                                              KVM_CAP_ADJUST_CLOCK,
                                              KVM_CAP_IMMEDIATE_EXIT,
                                              KVM_CAP_TSC_DEADLINE_TIMER,
                                              KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2};

// KVM tells the rate of a vCPU only, which takes it a millisecond to make. 0: it does not know.
std::uint64_t tsc_khz(const kvm::System& system) {
  auto vm = kvm::Vm::create(system);
  if (!vm.ok()) return 0;
  const auto vcpu = vm.value().create_vcpu(0);
  const auto khz = vcpu.ok() ? vcpu.value().tsc_khz() : Result<std::uint32_t>(0);
  return khz.ok() ? khz.value() : 0;
}

}  // namespace

std::string build_id_of(const FileOrBytes& program) {
  const auto image = program.open();
  return image.ok() ? boot::kernel_id(image.value().bytes()) : std::string();
}

Result<HostFacts> gather_host_facts(const FileOrBytes& kernel,
                                    std::span<const std::uint32_t> named_capabilities) {
  const kvm::System system = SM_TRY(kvm::System::open());
  HostFacts facts{.supported_cpuid = SM_TRY(system.supported_cpuid()),
                  .guest_kernel = kernel.is_none() ? "" : build_id_of(kernel)};
  std::set<std::uint32_t> wanted(named_capabilities.begin(), named_capabilities.end());
  wanted.insert(kUsed.begin(), kUsed.end());
  wanted.insert(KVM_CAP_TSC_CONTROL);
  for (const std::uint32_t capability : wanted) {
    if (capability <= INT_MAX && system.capability(static_cast<int>(capability)) > 0)
      facts.kvm_capabilities.push_back(capability);
  }
  // Where KVM scales, every rate will do.
  if (std::ranges::find(facts.kvm_capabilities, KVM_CAP_TSC_CONTROL) ==
      facts.kvm_capabilities.end())
    facts.tsc_khz = tsc_khz(system);
  return facts;
}

std::vector<std::uint32_t> needed_capabilities(const HostFacts& facts) {
  std::vector<std::uint32_t> needed;
  std::ranges::set_intersection(facts.kvm_capabilities, std::set(kUsed.begin(), kUsed.end()),
                                std::back_inserter(needed));
  return needed;
}

}  // namespace supermachine
