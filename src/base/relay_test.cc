// SPDX-License-Identifier: Apache-2.0
// Both ends of a relay in this process: the loop runs on a thread of its own.
#include "base/relay.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/quiet_thread.h"
#include "loopback.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

class RelayTest : public testing::Test {
 protected:
  void start(std::string_view early = {}) {
    auto [left, one] = sys::socket_pair().value();
    auto [right, other] = sys::socket_pair().value();
    left_ = std::move(left);
    right_ = std::move(right);
    relay_ = Relay::create(*loop_, std::move(one), std::move(other), buffer_,
                           std::as_bytes(std::span(early)),
                           [this] {
                             relay_.reset();
                             ended_ = true;
                           })
                 .value();
    thread_ = start_quiet_thread("relay", [this] { EXPECT_THAT(loop_->run(), IsOk()); }).value();
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    relay_.reset();
  }
  [[nodiscard]] bool ends_soon() const {
    for (int i = 0; i < 2000 && !ended_; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ended_;
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  std::array<std::byte, 4096> buffer_;
  UniqueFd left_;
  UniqueFd right_;
  std::unique_ptr<Relay> relay_;
  std::atomic<bool> ended_ = false;
  QuietThread thread_;
};

TEST_F(RelayTest, CarriesBothWays) {
  start();
  EXPECT_TRUE(send_text(left_, "to the right"));
  EXPECT_TRUE(send_text(right_, "to the left"));
  EXPECT_EQ(receive_text(right_, 12), "to the right");
  EXPECT_EQ(receive_text(left_, 11), "to the left");
  EXPECT_FALSE(ended_);
}

TEST_F(RelayTest, BeginsWithWhatHadComeBefore) {
  start("early ");
  EXPECT_TRUE(send_text(left_, "late"));
  EXPECT_EQ(receive_text(right_, 10), "early late");
}

TEST_F(RelayTest, PassesOnTheEndOfEachDirectionByItself) {
  start();
  EXPECT_TRUE(send_text(left_, "last"));
  ASSERT_THAT(sys::shutdown(left_.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(right_), "last");
  EXPECT_FALSE(ended_);
  EXPECT_TRUE(send_text(right_, "more"));
  EXPECT_EQ(receive_text(left_, 4), "more");
  ASSERT_THAT(sys::shutdown(right_.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(left_), "");
  EXPECT_TRUE(ends_soon());
}

TEST_F(RelayTest, LosesNothingOfManyBytesBeforeAnEnd) {
  start();
  const std::string much = pattern(8 << 20);
  std::thread writer([&] {
    EXPECT_TRUE(send_text(left_, much));
    left_ = UniqueFd();
  });
  EXPECT_EQ(receive_all(right_), much);
  writer.join();
}

TEST_F(RelayTest, ReadsNoMoreThanTheOtherSideTakes) {
  start();
  ASSERT_THAT(sys::set_nonblocking(left_.get(), true), IsOk());
  const std::string chunk(65536, 'x');
  std::size_t taken = 0;
  for (int quiet = 0; quiet < 20;) {
    const auto wrote = sys::try_write(left_.get(), std::as_bytes(std::span(chunk))).value();
    taken += wrote.value_or(0);
    quiet = wrote ? 0 : quiet + 1;
    if (!wrote) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_LT(taken, 4U << 20) << "two sockets' buffers and the relay's";
  ASSERT_THAT(sys::set_nonblocking(left_.get(), false), IsOk());
  ASSERT_THAT(sys::shutdown(left_.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(right_).size(), taken);
}

TEST_F(RelayTest, AReaderThatIsGoneLeavesTheOtherDirection) {
  start();
  ASSERT_THAT(sys::shutdown(right_.get(), SHUT_RD), IsOk());
  EXPECT_TRUE(send_text(left_, "into nothing"));
  EXPECT_TRUE(send_text(right_, "still here"));
  EXPECT_EQ(receive_text(left_, 10), "still here");
  right_ = UniqueFd();
  EXPECT_TRUE(ends_soon());
  EXPECT_EQ(receive_all(left_), "");
}

TEST_F(RelayTest, WaitsWithoutTurningWhenOneSideHasHungUpAndTheOtherIsFull) {
  start();
  ASSERT_THAT(sys::shutdown(left_.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(right_), "");
  const std::string much = pattern(1 << 20);
  std::thread writer([&] {
    EXPECT_TRUE(send_text(right_, much));
    right_ = UniqueFd();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  timespec before{};
  clockid_t clock{};
  ASSERT_EQ(::pthread_getcpuclockid(thread_.native_handle(), &clock), 0);
  ::clock_gettime(clock, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  timespec after{};
  ::clock_gettime(clock, &after);
  const long used =
      (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000;
  EXPECT_LT(used, 100) << "ms of 200";
  EXPECT_EQ(receive_all(left_), much);
  writer.join();
  EXPECT_TRUE(ends_soon());
}

}  // namespace
}  // namespace supermachine
