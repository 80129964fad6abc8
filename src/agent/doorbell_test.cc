// SPDX-License-Identifier: Apache-2.0
// The doorbell over unix sockets, rung in this process.
#include "agent/doorbell.h"

#include <gtest/gtest.h>

#include <csignal>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DoorbellTest : public testing::Test {
 protected:
  // As the agent does: it writes to hosts that hang up.
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }

  // Runs the loop until somebody has connected.
  Result<UniqueFd> answer(const UniqueFd& listener) {
    SM_TRY(sys::set_nonblocking(listener.get(), true));
    const Deadline deadline = deadline_in(seconds(5));
    while (std::chrono::steady_clock::now() < deadline) {
      SM_TRY(loop_->run_once(deadline_in(milliseconds(10))));
      if (auto stream = SM_TRY(sys::accept(listener.get()))) return std::move(*stream);
    }
    return Error(Errc::kTimeout, "nobody rang");
  }
  Result<rpc::Hello> read_hello(const UniqueFd& stream) {
    SM_TRY(loop_->run_once(deadline_in(milliseconds(20))));
    rpc::FrameReader reader;
    reader.filled(SM_TRY(sys::read(stream.get(), reader.room())));
    const auto frame = SM_TRY(reader.next());
    if (!frame || frame->type != rpc::FrameType::kHello) {
      return Error(Errc::kCorrupt, "no hello");
    }
    return rpc::decode<rpc::Hello>(frame->payload);
  }

  TempDir dir_ = TempDir::create().value();
  std::string path_ = dir_.path() + "/control.sock";
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  bool shut_down_ = false;
  std::vector<rpc::FrameType> requests_;
  std::function<void(const Status&)> answer_;
  Doorbell doorbell_{
      *loop_,
      rpc::Hello{},
      {.connect = [this] { return sys::unix_connect(path_); },
       .shutdown = [this] { shut_down_ = true; },
       .request =
           [this](const rpc::FrameView& frame, std::function<void(const Status&)> answer) {
             requests_.push_back(frame.type);
             answer_ = std::move(answer);
           }}};
};

TEST_F(DoorbellTest, SaysHello) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
  SM_ASSERT_OK_AND_ASSIGN(const rpc::Hello hello, read_hello(stream));
  EXPECT_EQ(hello.version, rpc::kProtocolVersion);
}

TEST_F(DoorbellTest, RingsUntilSomebodyListens) {
  doorbell_.ring();
  for (int i = 0; i < 5; ++i) ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(5))), IsOk());
  const UniqueFd listener = sys::unix_listen(path_).value();
  EXPECT_THAT(answer(listener), IsOk());
}

TEST_F(DoorbellTest, RingsAgainWhenTheConnectionIsLost) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
    EXPECT_THAT(read_hello(stream), IsOk()) << "ring " << i;
  }
}

TEST_F(DoorbellTest, RingsEverMoreSlowlyAtAHostThatHangsUp) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  int rings = 0;
  for (const Deadline end = deadline_in(milliseconds(100));
       std::chrono::steady_clock::now() < end;) {
    ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(1))), IsOk());
    ASSERT_THAT(sys::set_nonblocking(listener.get(), true), IsOk());
    if (sys::accept(listener.get()).value()) ++rings;  // and closes
  }
  EXPECT_GE(rings, 2);
  EXPECT_LE(rings, 12);
}

TEST_F(DoorbellTest, PassesOnTheRequestToShutDown) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
  ASSERT_THAT(read_hello(stream), IsOk());
  ASSERT_THAT(write_all(stream.get(), rpc::encode_frame(rpc::FrameType::kShutdown, {})), IsOk());
  ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(500))), IsOk());
  EXPECT_TRUE(shut_down_);
}

TEST_F(DoorbellTest, PassesOnNoRequestBeforeTheLastIsAnswered) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
  ASSERT_THAT(read_hello(stream), IsOk());
  const auto request = rpc::encode_frame(rpc::FrameType::kResumed, {});
  ASSERT_THAT(write_all(stream.get(), request), IsOk());
  ASSERT_THAT(write_all(stream.get(), request), IsOk());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(5))), IsOk());
  EXPECT_EQ(requests_, std::vector{rpc::FrameType::kResumed});

  std::exchange(answer_, {})(Status());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(5))), IsOk());
  EXPECT_EQ(requests_.size(), 2U);
}

TEST_F(DoorbellTest, DropsTheAnswerToAConnectionThatIsLost) {
  const UniqueFd listener = sys::unix_listen(path_).value();
  doorbell_.ring();
  {
    SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
    ASSERT_THAT(read_hello(stream), IsOk());
    const auto request = rpc::encode_frame(rpc::FrameType::kResumed, {});
    ASSERT_THAT(write_all(stream.get(), request), IsOk());
    ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(500))), IsOk());
    ASSERT_EQ(requests_.size(), 1U);
  }
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, answer(listener));
  ASSERT_THAT(read_hello(stream), IsOk());
  answer_(Status());
  ASSERT_THAT(loop_->run_once(deadline_in(milliseconds(5))), IsOk());
  ASSERT_THAT(sys::set_nonblocking(stream.get(), true), IsOk());
  std::array<std::byte, 64> bytes;
  EXPECT_EQ(sys::try_read(stream.get(), bytes).value(), std::nullopt);
}

}  // namespace
}  // namespace supermachine::agent
