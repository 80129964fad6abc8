// SPDX-License-Identifier: Apache-2.0
// Call after call on one connection to the agent's server.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "agent_process.h"
#include "base/files.h"
#include "client/connection.h"
#include "client/exec.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using client::Connection;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }

rpc::ExecRequest shell(const std::string& script) {
  rpc::ExecRequest request;
  request.argv = {"/bin/sh", "-c", script};
  return request;
}

class ReuseTest : public testing::Test {
 protected:
  // Reads up to the frame that ends a call; all that came on standard output before it.
  Result<std::string> finish(rpc::FrameType last) {
    std::string out;
    for (;;) {
      const rpc::FrameView frame = SM_TRY(connection_.next(soon()));
      if (frame.type == last) return out;
      if (frame.type == rpc::FrameType::kStdout || frame.type == rpc::FrameType::kFileData) {
        out += frame.text();
      }
      if (frame.type == rpc::FrameType::kFailure) {
        return rpc::to_error(SM_TRY(rpc::decode<rpc::Failure>(frame.payload)));
      }
    }
  }
  Result<std::string> run(const std::string& script) {
    SM_TRY(connection_.send(shell(script)));
    return finish(rpc::FrameType::kExited);
  }
  bool closes() { return connection_.next(soon()).ok() == false; }

  AgentProcess agent_;
  Connection connection_ = Connection::create(agent_.connector()(Deadline::max()).value()).value();
};

TEST_F(ReuseTest, CarriesCallAfterCall) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(run("echo " + std::to_string(i)).value(), std::to_string(i) + "\n");
  }
}

TEST_F(ReuseTest, CarriesCallsOfEveryKind) {
  const TempDir dir = TempDir::create().value();
  const std::string path = dir.path() + "/f";
  ASSERT_THAT(connection_.send(rpc::WriteFile{.path = path}), IsOk());
  connection_.send(rpc::FrameType::kFileData, std::as_bytes(std::span("hello", 5)));
  connection_.send(rpc::FrameType::kFileEnd);
  ASSERT_THAT(finish(rpc::FrameType::kOk), IsOk());
  connection_.send(rpc::FrameType::kSync);
  ASSERT_THAT(finish(rpc::FrameType::kOk), IsOk());
  ASSERT_THAT(connection_.send(rpc::ReadFile{.path = path}), IsOk());
  EXPECT_EQ(finish(rpc::FrameType::kFileEnd).value(), "hello");
  EXPECT_EQ(run("cat " + path).value(), "hello");
}

TEST_F(ReuseTest, TakesTheNextRequestBeforeTheHostHasReadTheLastAnswer) {
  ASSERT_THAT(connection_.send(shell("echo one")), IsOk());
  while (connection_.next(soon()).value().type != rpc::FrameType::kExited) {
  }
  connection_.send(rpc::FrameType::kSync);
  connection_.send(rpc::FrameType::kSync);
  EXPECT_THAT(finish(rpc::FrameType::kOk), IsOk());
  EXPECT_THAT(finish(rpc::FrameType::kOk), IsOk());
}

TEST_F(ReuseTest, IgnoresWhatWasUnderWayToACallThatIsOver) {
  ASSERT_THAT(run("exit 3"), IsOk());
  connection_.send(rpc::FrameType::kStdin, std::as_bytes(std::span("late", 4)));
  connection_.send(rpc::FrameType::kStdinEof);
  ASSERT_THAT(connection_.send(rpc::Signal{.number = 9}), IsOk());
  ASSERT_THAT(connection_.send(rpc::Resize{.window = {.rows = 1, .cols = 1}}), IsOk());
  EXPECT_EQ(run("echo alive").value(), "alive\n");
}

TEST_F(ReuseTest, RefusesThoseBeforeTheFirstCall) {
  connection_.send(rpc::FrameType::kStdinEof);
  EXPECT_THAT(finish(rpc::FrameType::kOk), Fails(Errc::kCorrupt));
}

TEST_F(ReuseTest, RefusesDataBetweenCalls) {
  ASSERT_THAT(run("true"), IsOk());
  connection_.send(rpc::FrameType::kFileData);
  EXPECT_THAT(finish(rpc::FrameType::kOk), Fails(Errc::kCorrupt));
}

TEST_F(ReuseTest, ServesNothingAfterAFailure) {
  ASSERT_THAT(connection_.send(rpc::ReadFile{.path = "/no/such"}), IsOk());
  EXPECT_THAT(finish(rpc::FrameType::kFileEnd), Fails(Errc::kNotFound));
  connection_.send(rpc::FrameType::kSync);
  EXPECT_TRUE(closes());
}

TEST_F(ReuseTest, ServesNothingAfterAShutdown) {
  connection_.send(rpc::FrameType::kShutdown);
  ASSERT_THAT(finish(rpc::FrameType::kOk), IsOk());
  connection_.send(rpc::FrameType::kSync);
  EXPECT_TRUE(closes());
  EXPECT_EQ(agent_.wait(), 0);
}

TEST_F(ReuseTest, AnIdleConnectionStaysOpen) {
  ASSERT_THAT(run("true"), IsOk());
  EXPECT_THAT(connection_.next(deadline_in(milliseconds(250))), Fails(Errc::kTimeout));
  EXPECT_EQ(run("echo still").value(), "still\n");
}

TEST_F(ReuseTest, ServesManyCallersOverAFewStreams) {
  std::atomic<int> opened = 0;
  const auto pool = std::make_shared<client::CallPool>(
      client::CallPool::Source{.open =
                                   [&, open = agent_.connector()](Deadline deadline) {
                                     ++opened;
                                     return open(deadline);
                                   },
                               .check = {}},
      4);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&, caller] {
        for (int i = 0; i < 50; ++i) {
          const std::string word = std::to_string(caller) + "." + std::to_string(i);
          auto session = client::ExecSession::start(
              pool, shell("echo " + word + "; exit " + std::to_string(i)), soon());
          if (!session.ok()) continue;
          const auto got = session.value().collect({}, soon());
          if (got.ok() && got.value().out == word + "\n" &&
              got.value().status.code == static_cast<std::uint32_t>(i)) {
            ++right;
          }
        }
      });
    }
  }
  EXPECT_EQ(right, 200);
  EXPECT_LE(opened, 4);
}

}  // namespace
}  // namespace supermachine::agent
