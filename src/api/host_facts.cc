// SPDX-License-Identifier: Apache-2.0
#include "api/host_facts.h"

#include <array>

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

}  // namespace

std::string build_id_of(const FileOrBytes& program) {
  const auto image = program.open();
  return image.ok() ? boot::kernel_id(image.value().bytes()) : std::string();
}

Result<HostFacts> gather_host_facts(const FileOrBytes& kernel) {
  const kvm::System system = SM_TRY(kvm::System::open());
  HostFacts facts{.supported_cpuid = SM_TRY(system.supported_cpuid()),
                  .guest_kernel = kernel.is_none() ? "" : build_id_of(kernel)};
  for (const std::uint32_t capability : kUsed) {
    if (system.capability(static_cast<int>(capability)) > 0)
      facts.kvm_capabilities.push_back(capability);
  }
  return facts;
}

}  // namespace supermachine
