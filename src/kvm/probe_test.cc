// SPDX-License-Identifier: Apache-2.0
// On a real vCPU. Whether KVM is usable here is not for this test to know: it knows that the
// probe's answer is clear, quick and the same each time. tests/guest holds it against a Linux
// guest.
#include "kvm/probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace supermachine::kvm {
namespace {

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/kvm to probe";
  }
};

TEST_F(ProbeTest, AnswersTheSameEachTimeAndQuickly) {
  const ProbeReport first = probe();
  const ProbeReport second = probe();
  std::printf("probe: %s, %lld us\n", first.usable() ? "usable" : first.summary().c_str(),
              static_cast<long long>(first.duration.count()));
  EXPECT_EQ(first.summary(), second.summary());
  EXPECT_LT(second.duration, std::chrono::seconds(1));
}

}  // namespace
}  // namespace supermachine::kvm
