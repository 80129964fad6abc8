// SPDX-License-Identifier: Apache-2.0
#include "boot/vcpu.h"

#include <gtest/gtest.h>

namespace supermachine::boot {
namespace {

kvm_cpuid_entry2 leaf(std::uint32_t function, std::uint32_t index = 0) {
  kvm_cpuid_entry2 entry{};
  entry.function = function;
  entry.index = index;
  return entry;
}

TEST(Cpuid, GivesEachVcpuItsOwnApicId) {
  const auto cpuid = make_cpuid({leaf(1), leaf(0xb, 0), leaf(0xb, 1)}, 3, 4);
  EXPECT_EQ(cpuid[0].ebx >> 24, 3U);
  EXPECT_EQ((cpuid[0].ebx >> 16) & 0xff, 4U);
  EXPECT_EQ(cpuid[1].edx, 3U);
  EXPECT_EQ(cpuid[2].eax, 2U);  // two bits of APIC id tell the cores of the package apart
  EXPECT_EQ(cpuid[2].ebx, 4U);
}

TEST(Cpuid, HidesPerformanceCounters) {
  kvm_cpuid_entry2 counters = leaf(0xa);
  counters.eax = counters.edx = 0x1234;
  const auto cpuid = make_cpuid({counters}, 0, 1);
  EXPECT_EQ(cpuid[0].eax | cpuid[0].edx, 0U);
}

// KVM_FEATURE_ASYNC_PF, its VMEXIT and INT.
TEST(Cpuid, HidesAsynchronousPageFaults) {
  kvm_cpuid_entry2 features = leaf(0x4000'0001);
  features.eax = 0xffff'ffff;
  const auto cpuid = make_cpuid({features}, 0, 1);
  EXPECT_EQ(cpuid[0].eax, 0xffff'bbefU);
}

TEST(Cpuid, OffersTheDeadlineTimerAndSaysHypervisor) {
  const auto cpuid = make_cpuid({leaf(1)}, 0, 1);
  EXPECT_NE(cpuid[0].ecx & (1U << 24), 0U);
  EXPECT_NE(cpuid[0].ecx & (1U << 31), 0U);
}

}  // namespace
}  // namespace supermachine::boot
