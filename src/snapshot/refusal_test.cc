// SPDX-License-Identifier: Apache-2.0
#include "snapshot/refusal.h"

#include <gtest/gtest.h>

#include "result_matchers.h"
#include "sample_machine.h"

namespace supermachine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kAvx512f = 1U << 16;  // leaf 7 ebx
constexpr std::uint32_t kAvx2 = 1U << 5;
constexpr std::uint32_t kSse42 = 1U << 20;  // leaf 1 ecx

std::vector<kvm_cpuid_entry2> sample_cpuid() {
  return {cpuid_leaf(0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69),
          cpuid_leaf(1, 0, 0x806f8, 0x0100'0800, kSse42, 0x0183'fbff),
          cpuid_leaf(7, 0, 1, kAvx512f | kAvx2, 0, 0),
          cpuid_leaf(7, 1, 1U << 4, 0, 0, 0),
          cpuid_leaf(0xd, 0, 0xe7, 0, 0, 0),
          cpuid_leaf(0xd, 1, 0xf, 0, 0, 0),
          cpuid_leaf(0x8000'0001, 0, 0, 0, 0x121, 0x2c10'0800),
          cpuid_leaf(0x8000'0008, 0, 0x3030, 1, 0, 0)};
}

class RefusalTest : public testing::Test {
 protected:
  RefusalTest() {
    metadata_.host = {.cpu_vendor = "GenuineIntel",
                      .page_size = 4096,
                      .tsc_khz = 2'400'000,
                      .kvm_capabilities = {KVM_CAP_XSAVE2, KVM_CAP_IRQCHIP},
                      .guest_kernel = "6.12.1"};
    state_.vcpus.resize(2);
    for (kvm::VcpuState& vcpu : state_.vcpus) {
      vcpu.cpuid = sample_cpuid();
      vcpu.xcr0 = 0xe7;
    }
    host_ = {.supported_cpuid = sample_cpuid(),
             .page_size = 4096,
             .tsc_khz = 2'400'100,
             .kvm_capabilities = {KVM_CAP_IRQCHIP, KVM_CAP_XSAVE2, KVM_CAP_XSAVE},
             .guest_kernel = "6.12.1"};
  }

  kvm_cpuid_entry2& host_leaf(std::uint32_t function, std::uint32_t index = 0) {
    return *std::ranges::find_if(host_.supported_cpuid, [&](const auto& entry) {
      return entry.function == function && entry.index == index;
    });
  }
  std::vector<std::string> reasons() { return reasons_against(metadata_, state_, host_); }

  SnapshotMetadata metadata_;
  MachineState state_;
  HostFacts host_;
};

TEST_F(RefusalTest, HasNoReasonOnTheHostItWasMadeFor) { EXPECT_THAT(reasons(), IsEmpty()); }

TEST_F(RefusalTest, DoesNotMindMoreThanItNeeds) {
  host_leaf(1).ecx |= 0x1fff'ffff;
  host_leaf(7).ecx = ~0U;
  host_.kvm_capabilities.push_back(KVM_CAP_TSC_CONTROL);
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(RefusalTest, NamesTheVendor) {
  host_leaf(0) = cpuid_leaf(0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
  EXPECT_EQ(cpu_vendor(host_.supported_cpuid), "AuthenticAMD");
  EXPECT_THAT(reasons(), ElementsAre("the CPU is AuthenticAMD, not GenuineIntel"));
}

TEST_F(RefusalTest, NamesEachMissingFeatureOnce) {
  host_leaf(7).ebx = 0;
  host_leaf(1).ecx = 0;
  host_leaf(7, 1).eax = 0;
  host_leaf(0xd, 1).eax = 0xb;
  host_leaf(0x8000'0001).ecx = 0x21;
  host_leaf(0x8000'0001).edx = 0x2810'0800;
  host_leaf(0x8000'0008).ebx = 0;
  EXPECT_THAT(reasons(), ElementsAre("the CPU lacks sse4_2", "the CPU lacks avx2",
                                     "the CPU lacks avx512f", "the CPU lacks avx_vnni",
                                     "the CPU lacks xgetbv1", "the CPU lacks 3dnowprefetch",
                                     "the CPU lacks pdpe1gb", "the CPU lacks clzero"));
}

TEST_F(RefusalTest, NamesAFeatureThatOneVcpuHas) {
  state_.vcpus[1].cpuid[2].ebx |= 1U << 18;
  EXPECT_THAT(reasons(), ElementsAre("the CPU lacks rdseed"));
}

TEST_F(RefusalTest, CountsBitsThatHaveNoName) {
  state_.vcpus[0].cpuid[3].eax |= 1U << 31;
  state_.vcpus[0].cpuid[2].edx |= 1U << 17;
  EXPECT_THAT(reasons(),
              ElementsAre("the CPU lacks leaf 7 edx bit 17", "the CPU lacks leaf 7.1 eax bit 31"));
}

TEST_F(RefusalTest, DoesNotMindBitsThatFollowTheGuestsState) {
  for (kvm::VcpuState& vcpu : state_.vcpus) {
    vcpu.cpuid[1].ecx |= 1U << 27 | 1U << 24 | 1U << 31 | 1U << 3;
    vcpu.cpuid[1].edx |= 1U << 28;
    vcpu.cpuid[1].ebx = 0x0708'0800;  // APIC id
    vcpu.cpuid[2].ecx |= 1U << 4;
  }
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(RefusalTest, SeesAHostWithoutALeaf) {
  std::erase_if(host_.supported_cpuid, [](const auto& entry) { return entry.function == 7; });
  EXPECT_THAT(reasons(),
              ElementsAre("the CPU lacks avx2", "the CPU lacks avx512f", "the CPU lacks avx_vnni"));
}

TEST_F(RefusalTest, NamesStateTheCpuCannotHold) {
  host_leaf(0xd).eax = 7;
  EXPECT_THAT(reasons(),
              ElementsAre("the CPU lacks XSAVE component 5", "the CPU lacks XSAVE component 6",
                          "the CPU lacks XSAVE component 7"));
}

TEST_F(RefusalTest, NamesThePageSize) {
  host_.page_size = 16384;
  EXPECT_THAT(reasons(), ElementsAre("pages are 16384 bytes, not 4096"));
}

TEST_F(RefusalTest, NamesEachMissingCapability) {
  host_.kvm_capabilities = {KVM_CAP_IRQCHIP};
  metadata_.host.kvm_capabilities.push_back(7777);
  EXPECT_THAT(reasons(),
              ElementsAre("KVM lacks XSAVE2 (capability 208)", "KVM lacks capability 7777"));
}

TEST_F(RefusalTest, MindsAnotherTscRateOnlyWhereKvmCannotScale) {
  host_.tsc_khz = 3'000'000;
  EXPECT_THAT(reasons(), ElementsAre("the TSC runs at 3000000 kHz, not 2400000, and KVM cannot "
                                     "scale it"));
  state_.vcpus[0].tsc_khz = 3'000'010;  // the guest's own counts, not that of its first host
  EXPECT_THAT(reasons(), IsEmpty());
  state_.vcpus[0].tsc_khz = 0;
  host_.kvm_capabilities.push_back(KVM_CAP_TSC_CONTROL);
  EXPECT_THAT(reasons(), IsEmpty());
  host_.kvm_capabilities.pop_back();
  host_.tsc_khz = 0;
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(RefusalTest, NamesTheGuestKernelWhenBothAreKnown) {
  host_.guest_kernel = "6.13.0";
  EXPECT_THAT(reasons(), ElementsAre("the guest kernel is 6.13.0, not 6.12.1"));
  host_.guest_kernel.clear();
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(RefusalTest, GivesAllReasonsAtOnce) {
  host_ = {.supported_cpuid = {}, .page_size = 65536, .guest_kernel = "other"};
  const auto all = reasons();
  EXPECT_THAT(
      all, testing::IsSupersetOf({std::string("the CPU is of an unknown vendor, not GenuineIntel"),
                                  std::string("the CPU lacks avx2"),
                                  std::string("pages are 65536 bytes, not 4096"),
                                  std::string("KVM lacks XSAVE2 (capability 208)"),
                                  std::string("the guest kernel is other, not 6.12.1")}));
}

}  // namespace
}  // namespace supermachine
