// SPDX-License-Identifier: Apache-2.0
#include "virtio/block.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/endian.h"
#include "fake_driver.h"
#include "memory_backend.h"
#include "result_matchers.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kSectors = 16;

std::vector<std::byte> header(std::uint32_t type, std::uint64_t sector) {
  std::vector<std::byte> bytes(blk::kHeaderBytes);
  store_le(bytes, 0, type);
  store_le(bytes, 8, sector);
  return bytes;
}

class BlockTest : public ::testing::Test {
 protected:
  void use(MemoryBackend& backend) {
    block_ = Block::create(BlockState::power_on(backend, "root"), backend).value();
    queues_.clear();
    queues_.push_back(
        Queue::create(memory_, {.layout = driver_.layout()}, kFeatureIndirectDesc).value());
    const auto raise_irq = [this](std::uint16_t) { ++irqs_; };
    ASSERT_THAT(block_->activate({.queues = queues_, .raise_irq = raise_irq}), IsOk());
  }

  void SetUp() override {
    for (std::size_t i = 0; i < backend_.bytes.size(); ++i) {
      backend_.bytes[i] = static_cast<std::byte>('a' + i / Block::kSectorSize);
    }
    use(backend_);
  }

  // The status of the request submitted last, whose status byte is the nth buffer.
  int finish(std::size_t status_buffer) {
    EXPECT_THAT(block_->on_notify(0), IsOk());
    used_ = driver_.take_used();
    EXPECT_TRUE(used_.has_value());
    return static_cast<unsigned char>(driver_.buffer_at(status_buffer, 1)[0]);
  }

  GuestMemory memory_ = GuestMemory::create(std::uint64_t{64} << 20).value();
  FakeDriver driver_{memory_};
  MemoryBackend backend_{kSectors * Block::kSectorSize};
  std::vector<Queue> queues_;
  std::unique_ptr<Block> block_;
  std::optional<UsedElement> used_;
  int irqs_ = 0;
};

TEST_F(BlockTest, ReadsSectorsIntoTheDriversBuffers) {
  driver_.readable(header(blk::kIn, 1)).writable(512).writable(512).writable(1).submit();

  EXPECT_EQ(finish(3), blk::kOk);
  EXPECT_EQ(used_->len, 1025U);
  EXPECT_EQ(driver_.buffer_at(1, 512), std::string(512, 'b'));
  EXPECT_EQ(driver_.buffer_at(2, 512), std::string(512, 'c'));
  EXPECT_EQ(irqs_, 1);
}

TEST_F(BlockTest, TakesAnyFramingOfHeaderDataAndStatus) {
  const auto whole = header(blk::kIn, 2);
  driver_.readable(std::span(whole).first(5)).readable(std::span(whole).subspan(5));
  driver_.writable(100).writable(413).indirect().submit();

  ASSERT_THAT(block_->on_notify(0), IsOk());

  EXPECT_EQ(driver_.take_used()->len, 513U);
  EXPECT_EQ(driver_.buffer_at(2, 100), std::string(100, 'c'));
  EXPECT_EQ(driver_.buffer_at(3, 413), std::string(412, 'c') + '\0');
}

TEST_F(BlockTest, ReadsUpToTheLastSectorButNotBeyond) {
  driver_.readable(header(blk::kIn, kSectors - 1)).writable(512).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kOk);
  driver_.readable(header(blk::kIn, kSectors - 1)).writable(1024).writable(1).submit();
  EXPECT_EQ(finish(5), blk::kIoError);
  EXPECT_EQ(used_->len, 0U);
}

TEST_F(BlockTest, RefusesSectorsThatOverflow) {
  driver_.readable(header(blk::kIn, ~std::uint64_t{0})).writable(512).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kIoError);
  driver_.readable(header(blk::kIn, (~std::uint64_t{0} >> 9) + 1))
      .writable(512)
      .writable(1)
      .submit();
  EXPECT_EQ(finish(5), blk::kIoError);
}

TEST_F(BlockTest, RefusesLengthsThatAreNoSectors) {
  driver_.readable(header(blk::kIn, 0)).writable(511).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kIoError);
  driver_.readable(header(blk::kOut, 0)).readable("short").writable(1).submit();
  EXPECT_EQ(finish(5), blk::kIoError);
}

TEST_F(BlockTest, RefusesARequestLargerThanItOffers) {
  MemoryBackend huge(std::size_t{10} << 20);
  use(huge);
  driver_.readable(header(blk::kIn, 0)).writable(Block::kMaxRequestBytes).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kOk);
  driver_.recycle();
  driver_.readable(header(blk::kIn, 0))
      .writable(Block::kMaxRequestBytes + 512)
      .writable(1)
      .submit();
  EXPECT_EQ(finish(2), blk::kIoError);
}

TEST_F(BlockTest, WritesSectorsFromTheDriversBuffers) {
  driver_.readable(header(blk::kOut, 3)).readable(std::string(1024, 'W')).writable(1).submit();

  EXPECT_EQ(finish(2), blk::kOk);
  EXPECT_EQ(used_->len, 1U);
  const auto written = std::ranges::count(backend_.bytes, std::byte{'W'});
  EXPECT_EQ(written, 1024);
  EXPECT_EQ(backend_.bytes[3 * 512], std::byte{'W'});
}

TEST_F(BlockTest, ReadOnlyDeviceRefusesWrites) {
  MemoryBackend sealed(kSectors * Block::kSectorSize, true);
  use(sealed);
  EXPECT_NE(block_->features() & blk::kFeatureReadOnly, 0U);
  driver_.readable(header(blk::kOut, 0)).readable(std::string(512, 'W')).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kIoError);
}

TEST_F(BlockTest, FlushReachesTheBackend) {
  EXPECT_NE(block_->features() & blk::kFeatureFlush, 0U);
  driver_.readable(header(blk::kFlush, 0)).writable(1).submit();
  EXPECT_EQ(finish(1), blk::kOk);
  EXPECT_EQ(backend_.flushes, 1);
}

TEST_F(BlockTest, FailingBackendIsAnErrorInBand) {
  backend_.broken = true;
  driver_.readable(header(blk::kIn, 0)).writable(512).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kIoError);
  driver_.readable(header(blk::kOut, 0)).readable(std::string(512, 'W')).writable(1).submit();
  EXPECT_EQ(finish(5), blk::kIoError);
  driver_.readable(header(blk::kFlush, 0)).writable(1).submit();
  EXPECT_EQ(finish(7), blk::kIoError);
}

TEST_F(BlockTest, TellsItsIdPaddedWithZeroes) {
  driver_.readable(header(blk::kGetId, 0)).writable(20).writable(1).submit();
  EXPECT_EQ(finish(2), blk::kOk);
  EXPECT_EQ(used_->len, 21U);
  EXPECT_EQ(driver_.buffer_at(1, 20), "root" + std::string(16, '\0'));
}

TEST_F(BlockTest, UnknownRequestIsUnsupported) {
  driver_.readable(header(77, 0)).writable(1).submit();
  EXPECT_EQ(finish(1), blk::kUnsupported);
}

TEST_F(BlockTest, EveryTruncatedHeaderIsAnError) {
  const auto whole = header(blk::kFlush, 0);
  for (std::size_t len = 0; len < whole.size(); ++len) {
    driver_.recycle();
    driver_.readable(std::span(whole).first(len)).writable(1).submit();
    EXPECT_EQ(finish(1), blk::kIoError) << len;
  }
  EXPECT_EQ(backend_.flushes, 0);
}

TEST_F(BlockTest, RequestWithNoRoomForAStatusIsAGuestFault) {
  driver_.readable(header(blk::kFlush, 0)).submit();
  EXPECT_THAT(block_->on_notify(0), Fails(Errc::kGuestFault));
}

TEST_F(BlockTest, LeavesTheLoopAfterOneQueueLength) {
  for (int i = 0; i < FakeDriver::kQueueSize; ++i) {
    driver_.readable(header(blk::kFlush, 0)).writable(1).indirect().submit();
  }
  EXPECT_EQ(block_->on_notify(0).value(), Progress::kMore);
  EXPECT_EQ(irqs_, 1);
  EXPECT_EQ(backend_.flushes, FakeDriver::kQueueSize);
}

TEST_F(BlockTest, ConfigSpaceTellsCapacityAndLimits) {
  std::vector<std::byte> config(64, std::byte{0xff});
  block_->read_config(0, config);
  EXPECT_EQ(load_le<std::uint64_t>(config, 0), kSectors);
  EXPECT_EQ(load_le<std::uint32_t>(config, 8), Block::kMaxSegmentBytes);
  EXPECT_EQ(load_le<std::uint32_t>(config, 12), Block::kMaxSegments);
  EXPECT_EQ(load_le<std::uint32_t>(config, 20), 512U);
  EXPECT_EQ(config[63], std::byte{0});

  block_->read_config(0xffff'ffff, config);
  EXPECT_EQ(config[0], std::byte{0});
}

TEST_F(BlockTest, CapacityCountsABrokenLastSector) {
  const MemoryBackend odd(513);
  EXPECT_EQ(BlockState::power_on(odd, "").capacity_sectors, 2U);
}

TEST_F(BlockTest, ComesBackFromItsState) {
  const BlockState saved = block_->save();
  SM_ASSERT_OK_AND_ASSIGN(const auto again, Block::create(saved, backend_));
  EXPECT_EQ(again->save().capacity_sectors, kSectors);
  EXPECT_EQ(again->save().id, saved.id);
}

TEST_F(BlockTest, RefusesABackendOfAnotherSize) {
  MemoryBackend smaller(512);
  EXPECT_THAT(Block::create(block_->save(), smaller), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::virtio
