// SPDX-License-Identifier: Apache-2.0
#include "agent/init.h"

#include <gtest/gtest.h>

namespace supermachine::agent {
namespace {

TEST(BootParameters, AreFoundAmongOthers) {
  const auto got = parse_boot_parameters("console=ttyS0 sm.root=/dev/vda quiet sm.hostname=box\n");
  EXPECT_EQ(got.root_device, "/dev/vda");
  EXPECT_EQ(got.hostname, "box");
}

TEST(BootParameters, HaveAHostnameWithoutAWord) {
  EXPECT_EQ(parse_boot_parameters("").hostname, "supermachine");
  EXPECT_EQ(parse_boot_parameters("sm.hostname=").hostname, "supermachine");
  EXPECT_EQ(parse_boot_parameters("").root_device, "");
}

TEST(BootParameters, CutAHostnameToWhatTheKernelTakes) {
  EXPECT_EQ(parse_boot_parameters("sm.hostname=" + std::string(100, 'h')).hostname.size(), 64U);
}

TEST(BootParameters, AreWholeWords) {
  EXPECT_EQ(parse_boot_parameters("xsm.root=/dev/vda sm.rootx=/dev/vdb").root_device, "");
}

}  // namespace
}  // namespace supermachine::agent
