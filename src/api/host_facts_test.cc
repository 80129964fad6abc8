// SPDX-License-Identifier: Apache-2.0
// What this host says of itself, held against what it would write into a snapshot.
#include "api/host_facts.h"

#include <gtest/gtest.h>

#include <array>

#include "kvm/kvm.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class HostFactsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto kvm = kvm::System::open(); !kvm.ok()) GTEST_SKIP() << kvm.error().message();
    SM_ASSERT_OK_AND_ASSIGN(facts_, gather_host_facts({}));
    metadata_.host = {.cpu_vendor = cpu_vendor(facts_.supported_cpuid),
                      .page_size = facts_.page_size,
                      .kvm_capabilities = needed_capabilities(facts_)};
    state_.vcpus.resize(1);
    state_.vcpus[0].cpuid = facts_.supported_cpuid;
  }

  // Of a host that is asked about what `metadata_` names.
  std::vector<std::string> reasons() {
    const auto facts = gather_host_facts({}, metadata_.host.kvm_capabilities);
    EXPECT_THAT(facts, IsOk());
    return facts.ok() ? reasons_against(metadata_, state_, facts.value())
                      : std::vector<std::string>{facts.error().message()};
  }

  HostFacts facts_;
  SnapshotMetadata metadata_;
  MachineState state_;
};

TEST_F(HostFactsTest, SpeakNotAgainstWhatWasCapturedHere) {
  EXPECT_THAT(metadata_.host.kvm_capabilities, Contains(KVM_CAP_IRQCHIP));
  EXPECT_THAT(metadata_.host.kvm_capabilities, Not(Contains(KVM_CAP_TSC_CONTROL)))
      << "hosts that cannot scale would refuse it, whatever their rate";
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(HostFactsTest, KnowOfCapabilitiesThatOnlyTheSnapshotNames) {
  const auto kvm = kvm::System::open();
  for (const std::uint32_t other :
       std::array<std::uint32_t, 3>{KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR, KVM_CAP_PIT2}) {
    ASSERT_GT(kvm.value().capability(static_cast<int>(other)), 0) << other;
    EXPECT_THAT(needed_capabilities(facts_), Not(Contains(other)));
    metadata_.host.kvm_capabilities.push_back(other);
  }
  EXPECT_THAT(reasons(), IsEmpty());
  metadata_.host.kvm_capabilities.push_back(4'000'000'000);
  EXPECT_THAT(reasons(), ElementsAre("KVM lacks capability 4000000000"));
}

// Another rate is no matter where KVM scales; elsewhere ours has to be known.
TEST_F(HostFactsTest, KnowTheRateOfTheClockWhereItMatters) {
  const auto kvm = kvm::System::open();
  const bool scales = kvm.value().capability(KVM_CAP_TSC_CONTROL) > 0;
  EXPECT_NE(facts_.tsc_khz == 0, !scales);
  state_.vcpus[0].tsc_khz = 17;
  EXPECT_EQ(reasons().size(), scales ? 0U : 1U);
  if (scales) return;
  // Measured anew at each boot of the host, it comes out a little different.
  state_.vcpus[0].tsc_khz = static_cast<std::uint32_t>(facts_.tsc_khz - facts_.tsc_khz / 5000);
  EXPECT_THAT(reasons(), IsEmpty());
  state_.vcpus[0].tsc_khz = static_cast<std::uint32_t>(facts_.tsc_khz - facts_.tsc_khz / 1000);
  EXPECT_EQ(reasons().size(), 1U);
}

}  // namespace
}  // namespace supermachine
