// Pools of real guests: what one user leaves behind, the next must not find.
#include "supermachine/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/files.h"
#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// One snapshot of busybox for all tests.
class PoolTest : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    dir_ = new TempDir(TempDir::create("/dev/shm").value());
    auto vm = start_guest(VmConfig().with_memory_mib(128));
    if (!vm.ok()) return;
    auto made = vm.value().snapshot(dir_->path() + "/busybox");
    if (made.ok()) image_ = new Image(std::move(made).value());
  }
  static void TearDownTestSuite() {
    delete image_;
    delete dir_;
  }

 protected:
  void SetUp() override { ASSERT_NE(image_, nullptr); }
  static const Image& image() { return *image_; }

 private:
  static TempDir* dir_;
  static Image* image_;
};

TempDir* PoolTest::dir_ = nullptr;
Image* PoolTest::image_ = nullptr;

TEST_F(PoolTest, NextUserFindsNothingOfTheLast) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().min(1).max(1).build());
  for (int cycle = 0; cycle < 20; ++cycle) {
    const auto begin = std::chrono::steady_clock::now();
    SM_ASSERT_OK_AND_ASSIGN(const PooledVm vm, pool.acquire());
    const std::string found =
        sh_output(*vm,
                  "cat /tmp/mark /proc/sys/vm/swappiness /root/deep/file 2>/dev/null; "
                  "echo 7 > /proc/sys/vm/swappiness; echo x > /tmp/mark; mkdir -p /root/deep; "
                  "echo y > /root/deep/file; head -c 3000000 /dev/urandom > /tmp/big");
    EXPECT_EQ(found, "60") << "cycle " << cycle;
    std::cerr << "cycle " << cycle << " " << (std::chrono::steady_clock::now() - begin) / 1us
              << " us\n";
  }
}

}  // namespace
}  // namespace supermachine
