// SPDX-License-Identifier: Apache-2.0
#include "virtio/mmio.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/event_loop.h"
#include "fake_driver.h"
#include "fake_mmio_driver.h"
#include "result_matchers.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kDeviceFeature = 1ULL << 3;

// Completes every request with the number of its readable bytes.
class EchoDevice final : public Device {
 public:
  [[nodiscard]] DeviceType type() const override { return DeviceType::kNet; }
  [[nodiscard]] std::uint64_t features() const override { return kDeviceFeature; }
  [[nodiscard]] std::span<const std::uint16_t> max_queue_sizes() const override { return kSizes; }
  void read_config(std::uint32_t offset, std::span<std::byte> out) const override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(offset++);
  }
  Status activate(Activation activation) override {
    active = std::move(activation);
    ++activations;
    return {};
  }
  Result<Progress> on_notify(std::uint16_t queue) override {
    ++notifications;
    Queue& requests = active.queues[queue];
    for (std::uint16_t done = 0; done < requests.size(); ++done) {
      auto chain = SM_TRY(requests.pop());
      if (!chain) return Progress::kDrained;
      const std::uint32_t len = chain->readable_bytes;
      requests.complete(*std::move(chain), len);
      if (requests.needs_interrupt()) active.raise_irq(queue);
    }
    return Progress::kMore;
  }
  void reset() override { ++resets; }

  Activation active;
  int activations = 0;
  int resets = 0;
  int notifications = 0;

 private:
  static constexpr std::array<std::uint16_t, 2> kSizes{64, 8};
};

class MmioTest : public ::testing::Test {
 protected:
  MmioTransport::Host host() {
    return {
        .raise_irq = [this] { ++irqs_; },
        .run_on_loop = [](const std::function<void()>& work) { work(); },
        .renotify = [this](std::uint16_t queue) { renotified_.push_back(queue); },
    };
  }

  void bring_up() {
    ASSERT_TRUE(driver_.negotiate(kTransportFeatures | kDeviceFeature));
    driver_.set_up_queue(0, rings_.layout());
    driver_.start();
  }

  GuestMemory memory_ = GuestMemory::create(1 << 20).value();
  FakeDriver rings_{memory_};
  EchoDevice device_;
  std::atomic<int> irqs_ = 0;
  std::vector<std::uint16_t> renotified_;
  std::unique_ptr<MmioTransport> transport_ =
      MmioTransport::create({}, device_, memory_, host()).value();
  FakeMmioDriver driver_{*transport_};
};

TEST_F(MmioTest, IdentifiesItself) {
  EXPECT_EQ(driver_.read(mmio_reg::kMagicValue), 0x74726976U);
  EXPECT_EQ(driver_.read(mmio_reg::kVersion), 2U);
  EXPECT_EQ(driver_.read(mmio_reg::kDeviceId), 1U);
  EXPECT_EQ(driver_.offered_features(), kTransportFeatures | kDeviceFeature);
  driver_.write(mmio_reg::kDeviceFeaturesSel, 2);
  EXPECT_EQ(driver_.read(mmio_reg::kDeviceFeatures), 0U);
}

TEST_F(MmioTest, OffersQueuesUpToTheirSizes) {
  driver_.write(mmio_reg::kQueueSel, 0);
  EXPECT_EQ(driver_.read(mmio_reg::kQueueNumMax), 64U);
  driver_.write(mmio_reg::kQueueSel, 1);
  EXPECT_EQ(driver_.read(mmio_reg::kQueueNumMax), 8U);
  driver_.write(mmio_reg::kQueueSel, 2);
  EXPECT_EQ(driver_.read(mmio_reg::kQueueNumMax), 0U);
  EXPECT_EQ(driver_.read(mmio_reg::kQueueReady), 0U);
}

TEST_F(MmioTest, HasNoSharedMemory) {
  EXPECT_EQ(driver_.read(mmio_reg::kShmLenLow), 0xffff'ffffU);
  EXPECT_EQ(driver_.read(mmio_reg::kShmLenLow + 4), 0xffff'ffffU);
}

TEST_F(MmioTest, DriverOkActivatesWithTheAgreedFeatures) {
  bring_up();

  EXPECT_EQ(device_.activations, 1);
  EXPECT_EQ(device_.active.features, kTransportFeatures | kDeviceFeature);
  ASSERT_EQ(device_.active.queues.size(), 2U);
  EXPECT_TRUE(device_.active.queues[0].ready());
  EXPECT_FALSE(device_.active.queues[1].ready());  // the driver left it alone
  EXPECT_EQ(driver_.status(), 0x0fU);
}

TEST_F(MmioTest, NotificationReachesTheDeviceAndInterrupts) {
  bring_up();
  rings_.readable("hello").submit();

  driver_.notify(0);

  EXPECT_EQ(rings_.take_used()->len, 5U);
  EXPECT_EQ(irqs_, 1);
  EXPECT_EQ(driver_.read(mmio_reg::kInterruptStatus), kInterruptUsedBuffer);
  driver_.write(mmio_reg::kInterruptAck, kInterruptUsedBuffer);
  EXPECT_EQ(driver_.read(mmio_reg::kInterruptStatus), 0U);
}

TEST_F(MmioTest, DeviceWithMoreToDoIsNotifiedAgain) {
  bring_up();
  for (int i = 0; i < FakeDriver::kQueueSize; ++i) rings_.readable("x").submit();
  transport_->notify(0);
  EXPECT_THAT(renotified_, ::testing::ElementsAre(0));
}

TEST_F(MmioTest, FeaturesThatWereNotOfferedAreRefused) {
  EXPECT_FALSE(driver_.negotiate(kTransportFeatures | 1));
}

TEST_F(MmioTest, LegacyDriverIsRefused) { EXPECT_FALSE(driver_.negotiate(kDeviceFeature)); }

TEST_F(MmioTest, FeaturesAreFrozenOnceAgreed) {
  ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
  driver_.set_features(kTransportFeatures);
  driver_.set_up_queue(0, rings_.layout());
  driver_.start();
  EXPECT_EQ(device_.active.features, kFeatureVersion1);
}

TEST_F(MmioTest, StatusBitsOutOfOrderAreNotTaken) {
  driver_.write(mmio_reg::kStatus, status_bit::kDriver);
  EXPECT_EQ(driver_.status(), 0U);
  driver_.write(mmio_reg::kStatus, status_bit::kAcknowledge | status_bit::kDriverOk);
  EXPECT_EQ(driver_.status(), status_bit::kAcknowledge);
  driver_.write(mmio_reg::kStatus, 0x7);
  EXPECT_EQ(driver_.status(), status_bit::kAcknowledge | status_bit::kDriver);
  EXPECT_EQ(device_.activations, 0);
}

TEST_F(MmioTest, StatusBitsAreClearedByResetOnly) {
  ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
  driver_.write(mmio_reg::kStatus, status_bit::kAcknowledge);
  EXPECT_EQ(driver_.status(), 0x0bU);
  driver_.write(mmio_reg::kStatus, status_bit::kNeedsReset);  // the device's to set
  EXPECT_EQ(driver_.status(), 0x0bU);
}

TEST_F(MmioTest, QueueOutsideMemoryNeedsAReset) {
  ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
  QueueLayout layout = rings_.layout();
  layout.used = GuestAddr{std::uint64_t{1} << 40};
  driver_.set_up_queue(0, layout);
  driver_.start();

  EXPECT_NE(driver_.status() & status_bit::kNeedsReset, 0U);
  EXPECT_EQ(driver_.read(mmio_reg::kInterruptStatus), kInterruptConfigChange);
  EXPECT_EQ(device_.activations, 0);
}

TEST_F(MmioTest, QueueLargerThanOfferedNeedsAReset) {
  for (const std::uint32_t size : {128U, 0x1'0008U}) {
    ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
    driver_.set_up_queue(0, rings_.layout());
    driver_.write(mmio_reg::kQueueReady, 0);
    driver_.write(mmio_reg::kQueueNum, size);
    driver_.write(mmio_reg::kQueueReady, 1);
    driver_.start();
    EXPECT_NE(driver_.status() & status_bit::kNeedsReset, 0U) << size;
  }
}

TEST_F(MmioTest, BrokenChainNeedsAResetAndIsNotNotifiedUntilThen) {
  bring_up();
  rings_.set_avail_index(1000);
  driver_.notify(0);
  EXPECT_NE(driver_.status() & status_bit::kNeedsReset, 0U);
  EXPECT_EQ(irqs_, 1);

  driver_.notify(0);
  EXPECT_EQ(device_.notifications, 1);

  driver_.write(mmio_reg::kStatus, 0);
  EXPECT_EQ(driver_.status(), 0U);
  EXPECT_EQ(driver_.read(mmio_reg::kInterruptStatus), 0U);
  EXPECT_EQ(device_.resets, 1);
  rings_.set_avail_index(0);
  bring_up();
  rings_.readable("alive").submit();
  driver_.notify(0);
  EXPECT_EQ(rings_.take_used()->len, 5U);
}

TEST_F(MmioTest, FaultReportedByTheDeviceNeedsAReset) {
  bring_up();
  device_.active.fail(Error(Errc::kGuestFault, "noticed later"));
  EXPECT_NE(driver_.status() & status_bit::kNeedsReset, 0U);
  EXPECT_EQ(irqs_, 1);
}

TEST_F(MmioTest, NotificationBeforeDriverOkIsIgnored) {
  ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
  driver_.set_up_queue(0, rings_.layout());
  driver_.notify(0);
  driver_.notify(7);
  driver_.notify(0xffff'ffff);
  EXPECT_EQ(device_.notifications, 0);
}

TEST_F(MmioTest, QueueIsFixedWhileItIsReady) {
  ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
  driver_.set_up_queue(0, rings_.layout());
  driver_.write(mmio_reg::kQueueDescLow, 0x10);
  driver_.start();
  EXPECT_EQ(transport_->save().queues[0].queue.layout.desc, GuestAddr{0});

  driver_.write(mmio_reg::kQueueReady, 0);
  EXPECT_EQ(driver_.read(mmio_reg::kQueueReady), 1U);
}

TEST_F(MmioTest, ConfigSpaceTakesAccessesOfAnyWidth) {
  std::array<std::byte, 8> wide{};
  transport_->read(mmio_reg::kConfig + 4, wide);
  EXPECT_EQ(wide[7], std::byte{11});
  std::array<std::byte, 1> narrow{};
  transport_->read(mmio_reg::kConfig + 3, narrow);
  EXPECT_EQ(narrow[0], std::byte{3});
}

TEST_F(MmioTest, ConfigSpaceEndsInZeroes) {
  std::array<std::byte, 4> bytes{};
  bytes.fill(std::byte{0xff});
  transport_->read(mmio_reg::kConfig + 254, bytes);
  EXPECT_EQ(bytes[1], std::byte{255});
  EXPECT_EQ(bytes[2], std::byte{0});
  transport_->read(~std::uint64_t{0}, bytes);
  EXPECT_EQ(bytes[0], std::byte{0});
}

TEST_F(MmioTest, OddAccessesAreHarmless) {
  std::array<std::byte, 8> bytes{};
  bytes.fill(std::byte{0xff});
  for (std::uint64_t offset = 0; offset < mmio_reg::kConfig; ++offset) {
    for (const std::size_t size : {0U, 1U, 2U, 3U, 8U}) {
      transport_->write(offset, std::span(bytes).first(size));
      std::array<std::byte, 8> out{};
      out.fill(std::byte{0xee});
      transport_->read(offset, std::span(out).first(size));
      EXPECT_TRUE(std::ranges::all_of(std::span(out).first(size),
                                      [](std::byte b) { return b == std::byte{0}; }));
    }
  }
  EXPECT_EQ(transport_->save().queue_sel, 0U);
}

TEST_F(MmioTest, ComesBackRunningFromItsState) {
  bring_up();
  rings_.readable("one").submit();
  driver_.notify(0);
  const MmioState saved = transport_->save();
  rings_.readable("second").submit();

  EchoDevice device;
  SM_ASSERT_OK_AND_ASSIGN(const auto again, MmioTransport::create(saved, device, memory_, host()));
  again->notify(0);

  EXPECT_EQ(device.activations, 1);
  EXPECT_EQ(rings_.take_used()->len, 3U);
  EXPECT_EQ(rings_.take_used()->len, 6U);
  FakeMmioDriver driver(*again);
  EXPECT_EQ(driver.status(), 0x0fU);
  EXPECT_EQ(driver.read(mmio_reg::kInterruptStatus), kInterruptUsedBuffer);
}

// What took a full ring has not seen it empty, and asked for nothing.
TEST_F(MmioTest, DriverOfARestoredDeviceIsAskedForNotificationsAgain) {
  bring_up();
  for (int i = 0; i < FakeDriver::kQueueSize; ++i) rings_.readable("x").submit();
  driver_.notify(0);
  ASSERT_EQ(renotified_, std::vector<std::uint16_t>{0}) << "the source goes on by itself";
  ASSERT_EQ(rings_.avail_event(), 0U);
  renotified_.clear();

  EchoDevice device;
  SM_ASSERT_OK_AND_ASSIGN(const auto again,
                          MmioTransport::create(transport_->save(), device, memory_, host()));
  EXPECT_EQ(renotified_, std::vector<std::uint16_t>{0}) << "queue 1 is not in use";
  for (const std::uint16_t queue : renotified_) again->notify(queue);
  EXPECT_EQ(rings_.avail_event(), FakeDriver::kQueueSize);
}

TEST_F(MmioTest, ComesBackFromTheMiddleOfInitialisation) {
  ASSERT_TRUE(driver_.negotiate(kTransportFeatures));
  driver_.set_up_queue(0, rings_.layout());

  EchoDevice device;
  SM_ASSERT_OK_AND_ASSIGN(const auto again,
                          MmioTransport::create(transport_->save(), device, memory_, host()));
  FakeMmioDriver driver(*again);
  EXPECT_EQ(device.activations, 0);
  driver.start();
  EXPECT_EQ(device.activations, 1);
}

TEST_F(MmioTest, StateOfAnotherDeviceIsRefused) {
  bring_up();
  MmioState foreign = transport_->save();
  foreign.driver_features |= 1;
  EchoDevice device;
  EXPECT_THAT(MmioTransport::create(foreign, device, memory_, host()),
              Fails(Errc::kInvalidArgument));
  foreign = transport_->save();
  foreign.queues.resize(1);
  EXPECT_THAT(MmioTransport::create(foreign, device, memory_, host()),
              Fails(Errc::kInvalidArgument));
  foreign = transport_->save();
  foreign.queues[0].queue.layout.desc = GuestAddr{1};
  EXPECT_THAT(MmioTransport::create(foreign, device, memory_, host()), Fails(Errc::kGuestFault));
}

// vCPU threads hit the registers while the loop serves notifications; TSan watches.
TEST_F(MmioTest, RegistersMayBeUsedFromSeveralThreads) {
  SM_ASSERT_OK_AND_ASSIGN(auto loop, EventLoop::create());
  MmioTransport::Host threaded = host();
  threaded.run_on_loop = [&](const std::function<void()>& work) {
    std::atomic<bool> done = false;
    loop->post([&] {
      work();
      done = true;
      done.notify_one();
    });
    done.wait(false);
  };
  threaded.renotify = [](std::uint16_t) {};
  EchoDevice device;
  SM_ASSERT_OK_AND_ASSIGN(auto transport,
                          MmioTransport::create({}, device, memory_, std::move(threaded)));
  std::jthread loop_thread([&] { EXPECT_THAT(loop->run(), IsOk()); });
  {
    std::vector<std::jthread> vcpus;
    for (int cpu = 0; cpu < 3; ++cpu) {
      vcpus.emplace_back([&] {
        FakeMmioDriver driver(*transport);
        for (int i = 0; i < 50; ++i) {
          driver.negotiate(kTransportFeatures);
          driver.set_up_queue(0, rings_.layout());
          driver.start();
          driver.notify(0);
          driver.write(mmio_reg::kInterruptAck, 3);
        }
      });
    }
  }
  loop->stop();
  loop_thread.join();
  EXPECT_GT(device.activations, 0);
}

}  // namespace
}  // namespace supermachine::virtio
