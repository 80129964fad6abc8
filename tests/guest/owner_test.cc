// SPDX-License-Identifier: Apache-2.0
// The VM goes with the process that owns it, however that ends.
#include <sys/wait.h>

#include "base/files.h"
#include "base/sys.h"
#include "guest.h"
#include "owner.h"

namespace supermachine {
namespace {

class Owner : public ::testing::Test {
 protected:
  // Starts an owner, kills it when its VM is up, and checks that no process of it is left.
  void start_and_kill(const std::string& vsock_dir) {
    SM_ASSERT_OK_AND_ASSIGN(const TempDir temporary, TempDir::create());
    ASSERT_THAT(test_image("busybox"), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(
        OwnerProcess owner,
        OwnerProcess::start(SM_VM_OWNER,
                            {"oci-archive:" + test_images_dir() + "/busybox.tar", vsock_dir},
                            temporary.path()));
    EXPECT_EQ(owner.next_words(), "up\n");

    const int status = owner.kill();

    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(owner.group_is_gone());
    EXPECT_TRUE(entries_of(temporary.path()).empty());
  }
};

TEST_F(Owner, KilledLeavesNothingBehind) { start_and_kill(""); }

// Nobody can remove the socket file of a process that was killed. Nothing answers there.
TEST_F(Owner, KilledWithASocketFileLeavesThatOnly) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir vsock_dir, TempDir::create());

  start_and_kill(vsock_dir.path());

  const auto left = entries_of(vsock_dir.path());
  ASSERT_EQ(left.size(), 1U);
  const std::string its_own = vsock_dir.path() + "/" + left[0];
  EXPECT_THAT(entries_of(its_own), ::testing::ElementsAre("vsock"));
  EXPECT_FALSE(sys::unix_connect(its_own + "/vsock").ok());
}

}  // namespace
}  // namespace supermachine
