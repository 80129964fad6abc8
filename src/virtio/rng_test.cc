// SPDX-License-Identifier: Apache-2.0
#include "virtio/rng.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fake_driver.h"
#include "result_matchers.h"

namespace supermachine::virtio {
namespace {

class CountingEntropy final : public EntropySource {
 public:
  Status fill(std::span<std::byte> out) override {
    if (broken) return Error(Errc::kOs, "no entropy today");
    std::ranges::fill(out, std::byte{'r'});
    return {};
  }
  bool broken = false;
};

class RngTest : public ::testing::Test {
 protected:
  void SetUp() override {
    queues_.push_back(Queue::create(memory_, {.layout = driver_.layout()}, 0).value());
    const auto raise_irq = [this](std::uint16_t) { ++irqs_; };
    ASSERT_THAT(rng_->activate({.queues = queues_, .raise_irq = raise_irq}), IsOk());
  }

  GuestMemory memory_ = GuestMemory::create(1 << 20).value();
  FakeDriver driver_{memory_};
  std::vector<Queue> queues_;
  CountingEntropy entropy_;
  std::unique_ptr<Rng> rng_ = Rng::create({}, entropy_).value();
  int irqs_ = 0;
};

TEST_F(RngTest, FillsEveryWritableBuffer) {
  driver_.writable(4).writable(2).submit();

  ASSERT_THAT(rng_->on_notify(0), IsOk());

  const auto used = driver_.take_used();
  ASSERT_TRUE(used.has_value());
  EXPECT_EQ(used->len, 6U);
  EXPECT_EQ(driver_.buffer_at(0, 4), "rrrr");
  EXPECT_EQ(driver_.buffer_at(1, 2), "rr");
  EXPECT_EQ(irqs_, 1);
}

TEST_F(RngTest, RaisesOneInterruptForABatch) {
  driver_.writable(1).submit();
  driver_.writable(1).submit();

  ASSERT_THAT(rng_->on_notify(0), IsOk());

  EXPECT_EQ(irqs_, 1);
}

TEST_F(RngTest, StaysQuietWhenNothingIsQueued) {
  EXPECT_EQ(rng_->on_notify(0).value(), Progress::kDrained);
  EXPECT_EQ(irqs_, 0);
}

TEST_F(RngTest, LeavesTheLoopAfterOneQueueLength) {
  for (int i = 0; i < FakeDriver::kQueueSize; ++i) driver_.writable(1).submit();
  EXPECT_EQ(rng_->on_notify(0).value(), Progress::kMore);
  EXPECT_EQ(rng_->on_notify(0).value(), Progress::kDrained);
}

TEST_F(RngTest, GivesALargeRequestOnlySoMuch) {
  driver_.writable(Rng::kMaxRequestBytes - 1).writable(Rng::kMaxRequestBytes).writable(1).submit();

  ASSERT_THAT(rng_->on_notify(0), IsOk());

  EXPECT_EQ(driver_.take_used()->len, Rng::kMaxRequestBytes);
  EXPECT_EQ(driver_.buffer_at(1, 2), std::string("r\0", 2));
}

TEST_F(RngTest, ReturnsShortReadWhenHostEntropyFails) {
  entropy_.broken = true;
  driver_.writable(16).submit();

  ASSERT_THAT(rng_->on_notify(0), IsOk());

  EXPECT_EQ(driver_.take_used()->len, 0U);
}

TEST_F(RngTest, BufferBeyondGuestMemoryIsAGuestFault) {
  driver_
      .raw_descriptor(
          {.addr = 0xffff'ffff'ffff'f000, .len = 0x2000, .flags = kDescWrite, .next = 0})
      .submit();
  EXPECT_THAT(rng_->on_notify(0), Fails(Errc::kGuestFault));
}

TEST(HostEntropyTest, GivesDifferentBytesEachTime) {
  std::vector<std::byte> first(4096);
  std::vector<std::byte> second(4096);
  HostEntropy entropy;
  ASSERT_THAT(entropy.fill(first), IsOk());
  ASSERT_THAT(entropy.fill(second), IsOk());
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace supermachine::virtio
