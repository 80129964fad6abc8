// SPDX-License-Identifier: Apache-2.0
// The images that the other tests start. Needs no KVM: run it first, natively, where importing is
// slow inside the lab.
#include "guest.h"

namespace supermachine {
namespace {

TEST(TestImages, CanBeImported) {
  SM_ASSERT_OK_AND_ASSIGN(const Image busybox, test_image("busybox"));
  EXPECT_EQ(busybox.config().cmd, std::vector<std::string>{"sh"});

  SM_ASSERT_OK_AND_ASSIGN(const Image python, test_image("python"));
  EXPECT_EQ(python.config().working_dir, "/srv");
}

}  // namespace
}  // namespace supermachine
