// SPDX-License-Identifier: Apache-2.0
// Streams kept between calls: which are used again, which are not, and what is never tried twice.
#include "client/call_pool.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "base/sys.h"
#include "client/exec.h"
#include "client/files.h"
#include "result_matchers.h"

namespace supermachine::client {
namespace {

using std::chrono::milliseconds;

Deadline soon() { return deadline_in(milliseconds(2000)); }

// The other ends of the streams that a pool opens, in order.
class Agents {
 public:
  CallPool::Source source() {
    return {.open = [this](Deadline) -> Result<UniqueFd> {
              auto [ours, theirs] = SM_TRY(sys::socket_pair());
              peers_.push_back(std::move(theirs));
              return std::move(ours);
            },
            .check = {}};
  }
  [[nodiscard]] std::size_t opened() const { return peers_.size(); }

  void says(std::size_t peer, std::span<const std::byte> bytes) {
    ASSERT_THAT(sys::write(peers_.at(peer).get(), bytes), IsOk());
  }
  void says_ok(std::size_t peer) { says(peer, rpc::encode_frame(rpc::FrameType::kOk, {})); }
  void hangs_up(std::size_t peer) { peers_.at(peer) = UniqueFd(); }
  void stops_listening(std::size_t peer) {
    ASSERT_THAT(sys::shutdown(peers_.at(peer).get(), SHUT_RD), IsOk());
  }
  // How many bytes it was sent.
  std::size_t heard(std::size_t peer) {
    std::vector<std::byte> bytes(1 << 20);
    sys::set_nonblocking(peers_.at(peer).get(), true).value();
    return sys::try_read(peers_.at(peer).get(), bytes).value().value_or(0);
  }

 private:
  std::vector<UniqueFd> peers_;
};

class CallPoolTest : public testing::Test {
 protected:
  // Leaves one idle stream, of peer 0.
  void warm() {
    auto first = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
    first.call_ended_in_order();
  }

  Agents agents_;
  std::shared_ptr<CallPool> pool_ = std::make_shared<CallPool>(agents_.source(), 2);
  Connector connector_ = pool_;
};

TEST_F(CallPoolTest, UsesAStreamAgain) {
  warm();
  ASSERT_EQ(pool_->idle(), 1U);
  for (int i = 0; i < 3; ++i) {
    auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
    EXPECT_EQ(pool_->idle(), 0U);
    call.call_ended_in_order();
  }
  EXPECT_EQ(agents_.opened(), 1U);
  EXPECT_EQ(pool_->idle(), 1U);
}

TEST_F(CallPoolTest, KeepsTheStreamsOfExecsAndFiles) {
  Agents agents;
  std::vector<std::byte> script;
  const auto says = [&script](const std::vector<std::byte>& frame) {
    script.insert(script.end(), frame.begin(), frame.end());
  };
  CallPool::Source source = agents.source();
  source.open = [open = source.open, &agents, &script](Deadline d) -> Result<UniqueFd> {
    UniqueFd stream = SM_TRY(open(d));
    agents.says(agents.opened() - 1, script);
    return stream;
  };
  const auto pool = std::make_shared<CallPool>(std::move(source), 4);

  says(rpc::encode(rpc::Started{.pid = 1}).value());
  says(rpc::encode(rpc::ExitStatus{}).value());
  rpc::ExecRequest request;
  request.argv = {"true"};
  ASSERT_THAT(ExecSession::start(pool, request, soon()).value().collect({}, soon()), IsOk());
  EXPECT_EQ(pool->idle(), 1U);
  pool->clear();

  script.clear();
  says(rpc::encode(rpc::FileInfo{}).value());
  says(rpc::encode_frame(rpc::FrameType::kFileEnd, {}));
  ASSERT_THAT(read_file(pool, "/f", 10, soon()), IsOk());
  EXPECT_EQ(pool->idle(), 1U);
  pool->clear();

  script.clear();
  says(rpc::encode_frame(rpc::FrameType::kOk, {}));
  ASSERT_THAT(sync(pool, soon()), IsOk());
  EXPECT_EQ(pool->idle(), 1U);
  pool->clear();
  ASSERT_THAT(shutdown(pool, soon()), IsOk());
  EXPECT_EQ(pool->idle(), 0U) << "the agent waits for the end of a stream that carried a shutdown";

  script.clear();
  says(rpc::encode(rpc::Failure{}).value());
  EXPECT_THAT(read_file(pool, "/f", 10, soon()), Fails(Errc::kOs));
  EXPECT_THAT(ExecSession::start(pool, request, soon()), Fails(Errc::kOs));
  EXPECT_EQ(pool->idle(), 0U) << "after a failure";
}

TEST_F(CallPoolTest, ClosesTheStreamOfACallThatDidNotEnd) {
  { const auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value(); }
  EXPECT_EQ(pool_->idle(), 0U);
}

TEST_F(CallPoolTest, ClosesAStreamThatStillCarriesSomething) {
  {
    auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
    const std::vector<std::byte> much(8 << 20);
    call.send_frame(much);
    EXPECT_TRUE(call.has_unsent());
    call.call_ended_in_order();
  }
  EXPECT_EQ(pool_->idle(), 0U);
}

TEST_F(CallPoolTest, KeepsNoMoreThanItsLimit) {
  std::vector<Connection> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value());
    calls.back().call_ended_in_order();
  }
  calls.clear();
  EXPECT_EQ(pool_->idle(), 2U);
}

TEST_F(CallPoolTest, PassesOverAnIdleStreamThatHasDied) {
  warm();
  agents_.hangs_up(0);
  auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
  ASSERT_EQ(agents_.opened(), 2U);
  EXPECT_GT(agents_.heard(1), 0U);
}

TEST_F(CallPoolTest, PassesOverAnIdleStreamOnWhichSomethingCame) {
  warm();
  agents_.says_ok(0);
  auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
  EXPECT_EQ(agents_.opened(), 2U);
}

TEST_F(CallPoolTest, RepeatsARequestThatTheAgentCannotHaveGot) {
  warm();
  // Silent, and dead for writing: what a stream is whose other end goes just now.
  agents_.stops_listening(0);
  auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
  ASSERT_EQ(agents_.opened(), 2U);
  EXPECT_GT(agents_.heard(1), 0U);
}

TEST_F(CallPoolTest, TakesAStreamFromOutside) {
  auto [ours, theirs] = sys::socket_pair().value();
  pool_->put(std::move(ours));
  auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
  EXPECT_EQ(agents_.opened(), 0U);
  std::array<std::byte, 64> bytes;
  EXPECT_GT(sys::read(theirs.get(), bytes).value(), 0U);
}

TEST_F(CallPoolTest, AClearedPoolTakesNothingBackOfBefore) {
  warm();
  {
    auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
    call.call_ended_in_order();
    pool_->clear();
  }
  EXPECT_EQ(pool_->idle(), 0U);
  { begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value().call_ended_in_order(); }
  EXPECT_EQ(pool_->idle(), 1U) << "what begins afterwards is kept";
}

TEST_F(CallPoolTest, DoesNotRepeatACallThatTheAgentMayHaveBegun) {
  warm();
  auto call = begin_call(connector_, rpc::ReadFile{.path = "/"}, soon()).value();
  agents_.hangs_up(0);
  EXPECT_THAT(call.next(soon()), Fails(Errc::kGuestFault));
  EXPECT_EQ(agents_.opened(), 1U);
}

TEST_F(CallPoolTest, SaysWhyNoCallCanSucceed) {
  CallPool::Source source = agents_.source();
  source.check = [] { return Error(Errc::kGuestFault, "the VM has ended"); };
  const auto pool = std::make_shared<CallPool>(std::move(source), 2);
  auto [ours, theirs] = sys::socket_pair().value();
  pool->put(std::move(ours));
  EXPECT_THAT(sync(pool, soon()), Fails(Errc::kGuestFault));
}

TEST_F(CallPoolTest, ServesManyThreads) {
  // An agent for each stream that answers every request with OK.
  std::vector<std::jthread> agents;
  Mutex mutex;
  std::atomic<int> opened = 0;
  const auto pool = std::make_shared<CallPool>(
      CallPool::Source{.open = [&](Deadline) -> Result<UniqueFd> {
                         auto [ours, theirs] = SM_TRY(sys::socket_pair());
                         ++opened;
                         const MutexLock lock(mutex);
                         agents.emplace_back([stream = std::move(theirs)] {
                           const auto ok = rpc::encode_frame(rpc::FrameType::kOk, {});
                           std::array<std::byte, 64> bytes;
                           while (sys::read(stream.get(), bytes).value() != 0) {
                             static_cast<void>(sys::write(stream.get(), ok).ok());
                           }
                         });
                         return std::move(ours);
                       },
                       .check = {}},
      8);
  std::atomic<int> succeeded = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        for (int n = 0; n < 50; ++n) succeeded += client::sync(pool, soon()).ok() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(succeeded, 400);
  EXPECT_LE(opened, 8);
  EXPECT_LE(pool->idle(), 8U);
  pool->clear();
}

}  // namespace
}  // namespace supermachine::client
