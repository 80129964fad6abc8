// SPDX-License-Identifier: Apache-2.0
#include "virtio/queue.h"

#include <gtest/gtest.h>

#include "fake_driver.h"
#include "result_matchers.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kAll = kFeatureIndirectDesc | kFeatureEventIdx;

// 1 GiB of address space; pages are only committed when touched.
class QueueTest : public ::testing::Test {
 protected:
  Queue make_queue(std::uint64_t features, const QueueState& at = {}) {
    QueueState state = at;
    state.layout = driver_.layout();
    return Queue::create(memory_, state, features).value();
  }

  // One request through the queue; whether the driver wants an interrupt for it.
  bool round_trip(Queue& queue) {
    driver_.readable("x").submit();
    queue.complete(*queue.pop().value(), 0);
    return queue.needs_interrupt();
  }

  GuestMemory memory_ = GuestMemory::create(std::uint64_t{1} << 30).value();
  FakeDriver driver_{memory_};
  Queue queue_ = make_queue(kAll);
};

TEST_F(QueueTest, SplitsAChainIntoReadableAndWritable) {
  driver_.readable("ab").readable("c").writable(8).submit();

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());

  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->readable.size(), 2U);
  EXPECT_EQ(chain->readable_bytes, 3U);
  ASSERT_EQ(chain->writable.size(), 1U);
  EXPECT_EQ(chain->writable[0].size(), 8U);
  EXPECT_EQ(chain->writable_bytes, 8U);
}

TEST_F(QueueTest, IsEmptyUntilTheDriverSubmits) {
  EXPECT_FALSE(queue_.pop().value().has_value());
  driver_.readable("x").submit();
  EXPECT_TRUE(queue_.pop().value().has_value());
  EXPECT_FALSE(queue_.pop().value().has_value());
}

TEST_F(QueueTest, CompletionNamesTheHeadAndTheLength) {
  driver_.readable("first").submit();
  driver_.readable("a").writable(4).submit();
  SM_ASSERT_OK_AND_ASSIGN(auto first, queue_.pop());
  SM_ASSERT_OK_AND_ASSIGN(auto second, queue_.pop());

  queue_.complete(*std::move(second), 4);
  queue_.complete(*std::move(first), 0);

  const auto used_first = driver_.take_used();
  const auto used_second = driver_.take_used();
  ASSERT_TRUE(used_first && used_second);
  EXPECT_EQ(used_first->id, 1U);
  EXPECT_EQ(used_first->len, 4U);
  EXPECT_EQ(used_second->id, 0U);
  EXPECT_FALSE(driver_.take_used().has_value());
}

TEST_F(QueueTest, ReusedVectorsCarryNothingOver) {
  driver_.readable("ab").writable(8).submit();
  queue_.complete(*queue_.pop().value(), 0);
  driver_.readable("z").submit();

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());

  EXPECT_EQ(chain->readable_bytes, 1U);
  EXPECT_EQ(chain->readable.size(), 1U);
  EXPECT_EQ(chain->writable_bytes, 0U);
  EXPECT_TRUE(chain->writable.empty());
}

TEST_F(QueueTest, UndonePopComesAgain) {
  driver_.readable("again").submit();
  queue_.undo_pop(*queue_.pop().value());

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());

  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->readable_bytes, 5U);
}

TEST_F(QueueTest, PositionsWrapAroundSixteenBits) {
  queue_ = make_queue(kAll, {.next_avail = 0xfffe, .next_used = 0xfffe});
  driver_.set_avail_index(0xfffe);
  for (int i = 0; i < 5; ++i) {
    driver_.readable("x").submit();
    SM_ASSERT_OK_AND_ASSIGN(auto chain, queue_.pop());
    ASSERT_TRUE(chain.has_value());
    queue_.complete(*std::move(chain), 0);
  }
  EXPECT_EQ(queue_.state().next_avail, 3U);
  EXPECT_EQ(queue_.state().next_used, 3U);
}

TEST_F(QueueTest, ContinuesWhereItsStateLeftOff) {
  driver_.readable("one").submit();
  driver_.readable("second").submit();
  queue_.complete(*queue_.pop().value(), 0);

  Queue restored = Queue::create(memory_, queue_.state(), kAll).value();
  SM_ASSERT_OK_AND_ASSIGN(const auto chain, restored.pop());

  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->readable_bytes, 6U);
}

TEST_F(QueueTest, UnusedQueueIsEmptyForever) {
  Queue unused;
  EXPECT_FALSE(unused.ready());
  EXPECT_FALSE(unused.pop().value().has_value());
  EXPECT_FALSE(unused.needs_interrupt());
}

// --- interrupts and notifications ---

TEST_F(QueueTest, InterruptsUnlessTheDriverAskedForNone) {
  queue_ = make_queue(0);
  EXPECT_TRUE(round_trip(queue_));
  driver_.set_no_interrupt(true);
  EXPECT_FALSE(round_trip(queue_));
}

TEST_F(QueueTest, InterruptsOnlyWhenTheUsedEventIsPassed) {
  EXPECT_TRUE(round_trip(queue_));  // the first time, to be safe after a restore
  driver_.set_used_event(3);
  EXPECT_FALSE(round_trip(queue_));
  EXPECT_FALSE(round_trip(queue_));
  EXPECT_TRUE(round_trip(queue_));
  EXPECT_FALSE(round_trip(queue_));
}

TEST_F(QueueTest, BatchThatPassesTheUsedEventInterruptsOnce) {
  EXPECT_TRUE(round_trip(queue_));
  driver_.set_used_event(2);
  for (int i = 0; i < 4; ++i) {
    driver_.readable("x").submit();
    queue_.complete(*queue_.pop().value(), 0);
  }
  EXPECT_TRUE(queue_.needs_interrupt());
  EXPECT_FALSE(queue_.needs_interrupt());
}

TEST_F(QueueTest, AsksForANotificationOnlyOnceItIsEmpty) {
  driver_.readable("x").submit();
  driver_.readable("x").submit();
  ASSERT_TRUE(queue_.pop().value().has_value());
  EXPECT_EQ(driver_.avail_event(), 0U);
  ASSERT_TRUE(queue_.pop().value().has_value());
  ASSERT_FALSE(queue_.pop().value().has_value());
  EXPECT_EQ(driver_.avail_event(), 2U);
}

// --- indirect descriptors ---

TEST_F(QueueTest, IndirectTableGivesTheSameChain) {
  driver_.readable("ab").readable("c").writable(8).indirect().submit();

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());

  ASSERT_TRUE(chain.has_value());
  EXPECT_EQ(chain->readable.size(), 2U);
  EXPECT_EQ(chain->readable_bytes, 3U);
  EXPECT_EQ(chain->writable_bytes, 8U);
}

TEST_F(QueueTest, IndirectTableMayBeLongerThanTheQueue) {
  for (int i = 0; i < 3 * FakeDriver::kQueueSize; ++i) driver_.writable(1);
  driver_.indirect().submit();

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());

  EXPECT_EQ(chain->writable_bytes, 3U * FakeDriver::kQueueSize);
}

TEST_F(QueueTest, IndirectTableAfterPlainDescriptorsIsFollowed) {
  driver_.writable(4).indirect();
  const std::uint64_t table = driver_.buffer_address(0) + 0x1000;
  FakeDriver other(memory_, 0x10'0000);
  Queue queue = Queue::create(memory_, {.layout = other.layout()}, kAll).value();
  other.readable("head")
      .raw_descriptor({.addr = table, .len = 16, .flags = kDescIndirect, .next = 0})
      .submit();

  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue.pop());

  EXPECT_EQ(chain->readable_bytes, 4U);
  EXPECT_EQ(chain->writable_bytes, 4U);
}

TEST_F(QueueTest, IndirectTableThatWasNotNegotiatedIsAGuestFault) {
  queue_ = make_queue(kFeatureEventIdx);
  driver_.readable("x").indirect().submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, IndirectTableInsideAnotherIsAGuestFault) {
  driver_.readable("x").indirect().indirect().submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, IndirectTableWithANextDescriptorIsAGuestFault) {
  driver_.readable("x").indirect().readable("y").submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, IndirectTableOfAWrongSizeIsAGuestFault) {
  for (const std::uint32_t len : {0U, 1U, 15U, 17U, 16U * (kMaxIndirectLength + 1)}) {
    FakeDriver driver(memory_);
    driver.raw_descriptor({.addr = 0x4000, .len = len, .flags = kDescIndirect, .next = 0}).submit();
    Queue queue = make_queue(kAll);
    EXPECT_THAT(queue.pop(), Fails(Errc::kGuestFault)) << len;
  }
}

TEST_F(QueueTest, IndirectTableBeyondMemoryIsAGuestFault) {
  driver_
      .raw_descriptor(
          {.addr = memory_.size_bytes() - 8, .len = 16, .flags = kDescIndirect, .next = 0})
      .submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, LoopInsideAnIndirectTableIsAGuestFault) {
  driver_.raw_descriptor({.addr = 0x8000, .len = 1, .flags = kDescNext, .next = 0})
      .indirect()
      .submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, IndirectIndexPastItsTableIsAGuestFault) {
  driver_.raw_descriptor({.addr = 0x8000, .len = 1, .flags = kDescNext, .next = 1})
      .indirect()
      .submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

// --- malformed chains and rings ---

TEST_F(QueueTest, ReadableAfterWritableIsAGuestFault) {
  driver_.writable(1).readable("late").submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, OverlappingDescriptorsBeyondFourGiBAreAGuestFault) {
  for (int i = 0; i < 5; ++i) {
    driver_.raw_descriptor({.addr = 0, .len = 1U << 30, .flags = kDescWrite, .next = 0});
  }
  driver_.submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, LoopingChainIsAGuestFault) {
  driver_.raw_descriptor({.addr = 0x3000, .len = 1, .flags = kDescNext, .next = 0}).submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, DescriptorIndexPastTheTableIsAGuestFault) {
  driver_.raw_descriptor({.addr = 0x3000, .len = 1, .flags = kDescNext, .next = 8}).submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, BufferBeyondMemoryIsAGuestFault) {
  driver_.raw_descriptor({.addr = ~std::uint64_t{0}, .len = 2, .flags = 0, .next = 0}).submit();
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, AvailIndexPastTheRingIsAGuestFault) {
  driver_.set_avail_index(FakeDriver::kQueueSize + 1);
  EXPECT_THAT(queue_.pop(), Fails(Errc::kGuestFault));
}

TEST_F(QueueTest, EmptyDescriptorsAreSkipped) {
  driver_.readable("").writable(0).submit();
  SM_ASSERT_OK_AND_ASSIGN(const auto chain, queue_.pop());
  ASSERT_TRUE(chain.has_value());
  EXPECT_TRUE(chain->readable.empty());
  EXPECT_TRUE(chain->writable.empty());
}

struct BadLayout {
  const char* name;
  void (*spoil)(QueueLayout&);
};

class QueueLayoutTest : public ::testing::TestWithParam<BadLayout> {};

TEST_P(QueueLayoutTest, IsAGuestFault) {
  const GuestMemory memory = GuestMemory::create(std::uint64_t{1} << 20).value();
  QueueLayout layout = FakeDriver(memory).layout();
  ASSERT_THAT(Queue::create(memory, {.layout = layout}, 0), IsOk());
  GetParam().spoil(layout);
  EXPECT_THAT(Queue::create(memory, {.layout = layout}, 0), Fails(Errc::kGuestFault));
}

INSTANTIATE_TEST_SUITE_P(
    Spoiled, QueueLayoutTest,
    ::testing::Values(
        BadLayout{"SizeZero", [](QueueLayout& l) { l.size = 0; }},
        BadLayout{"SizeNoPowerOfTwo", [](QueueLayout& l) { l.size = 6; }},
        BadLayout{"DescMisaligned", [](QueueLayout& l) { l.desc = l.desc + 8; }},
        BadLayout{"AvailMisaligned", [](QueueLayout& l) { l.avail = l.avail + 1; }},
        BadLayout{"UsedMisaligned", [](QueueLayout& l) { l.used = l.used + 2; }},
        BadLayout{"DescBeyondMemory", [](QueueLayout& l) { l.desc = GuestAddr{(1 << 20) - 64}; }},
        BadLayout{"AvailBeyondMemory", [](QueueLayout& l) { l.avail = GuestAddr{(1 << 20) - 4}; }},
        BadLayout{"UsedBeyondMemory", [](QueueLayout& l) { l.used = GuestAddr{(1 << 20) - 4}; }},
        BadLayout{"UsedWrapsAround", [](QueueLayout& l) { l.used = GuestAddr{~std::uint64_t{3}}; }},
        BadLayout{"UsedOverAvail", [](QueueLayout& l) { l.used = l.avail + 4; }},
        BadLayout{"AvailOverDesc", [](QueueLayout& l) { l.avail = l.desc + 16; }}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace supermachine::virtio
