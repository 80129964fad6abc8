// Snapshots of real guests: what a copy keeps, what it does not, and what the source notices.
#include "supermachine/snapshot.h"

#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override { dir_.emplace(TempDir::create("/dev/shm").value()); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return dir_->path() + "/" + name;
  }

  std::optional<TempDir> dir_;
};

TEST_F(SnapshotTest, CopyGoesOnWhereTheVmWas) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, start_guest());
  EXPECT_EQ(sh_output(source, "echo kept > /tmp/file; echo $$ > /dev/null; cat /tmp/file"), "kept");
  SM_ASSERT_OK_AND_ASSIGN(const Image copy, source.snapshot(path("one")));
  EXPECT_TRUE(copy.is_snapshot());
  EXPECT_EQ(sh_output(source, "echo source > /tmp/file; cat /tmp/file"), "source") << "runs on";
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm vm, copy.start());
    EXPECT_EQ(sh_output(vm, "cat /tmp/file; echo mine > /tmp/file"), "kept") << i;
    EXPECT_EQ(sh_output(vm, "cat /tmp/file"), "mine");
  }
}

}  // namespace
}  // namespace supermachine
