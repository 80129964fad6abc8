// SPDX-License-Identifier: Apache-2.0
// Connections into the guest, and who listens there.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "agent_process.h"
#include "client/ports.h"
#include "client/workload.h"
#include "loopback.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }

class PortsTest : public testing::Test {
 protected:
  Result<UniqueFd> connect(std::uint16_t port) {
    auto stream = SM_TRY(client::connect_port(agent_.connector(), port, soon()));
    SM_TRY(sys::set_nonblocking(stream.get(), false));
    return stream;
  }

  AgentProcess agent_;
};

TEST_F(PortsTest, BytesGoBothWays) {
  LoopbackListener listener;
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
  const UniqueFd theirs = listener.accept();

  EXPECT_TRUE(send_text(ours, "ping"));
  EXPECT_EQ(receive_text(theirs, 4), "ping");
  EXPECT_TRUE(send_text(theirs, "pong!"));
  EXPECT_EQ(receive_text(ours, 5), "pong!");
}

TEST_F(PortsTest, BothLoopbacksAreTried) {
  LoopbackListener listener(AF_INET6);
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
  const UniqueFd theirs = listener.accept();
  EXPECT_TRUE(send_text(theirs, "six"));
  EXPECT_EQ(receive_text(ours, 3), "six");
}

TEST_F(PortsTest, OurEndOfWritingLeavesTheOtherDirection) {
  LoopbackListener listener;
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
  const UniqueFd theirs = listener.accept();

  EXPECT_TRUE(send_text(ours, "question"));
  ASSERT_THAT(sys::shutdown(ours.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(theirs), "question");
  EXPECT_TRUE(send_text(theirs, "answer"));
  ASSERT_THAT(sys::shutdown(theirs.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(ours), "answer");
}

TEST_F(PortsTest, TheirEndOfWritingLeavesTheOtherDirection) {
  LoopbackListener listener;
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
  const UniqueFd theirs = listener.accept();

  EXPECT_TRUE(send_text(theirs, "greeting"));
  ASSERT_THAT(sys::shutdown(theirs.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(ours), "greeting");
  EXPECT_TRUE(send_text(ours, "reply"));
  ASSERT_THAT(sys::shutdown(ours.get(), SHUT_WR), IsOk());
  EXPECT_EQ(receive_all(theirs), "reply");
}

TEST_F(PortsTest, NothingIsLostWhenOneSideCloses) {
  LoopbackListener listener;
  const std::string much = pattern(10 << 20);
  SM_ASSERT_OK_AND_ASSIGN(UniqueFd ours, connect(listener.port()));
  UniqueFd theirs = listener.accept();
  std::thread writer([&] {
    EXPECT_TRUE(send_text(theirs, much));
    theirs = UniqueFd();
  });
  EXPECT_EQ(receive_all(ours), much);
  writer.join();

  SM_ASSERT_OK_AND_ASSIGN(ours, connect(listener.port()));
  theirs = listener.accept();
  std::thread other([&] {
    EXPECT_TRUE(send_text(ours, much));
    ours = UniqueFd();
  });
  EXPECT_EQ(receive_all(theirs), much);
  other.join();
}

TEST_F(PortsTest, BothDirectionsFlowAtOnce) {
  LoopbackListener listener;
  const std::string much = pattern(4 << 20);
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
  const UniqueFd theirs = listener.accept();
  std::thread echo([&] {
    std::array<std::byte, 10'000> buffer;
    for (;;) {
      const auto got = sys::read(theirs.get(), buffer);
      if (!got.ok() || got.value() == 0) break;
      if (!write_all(theirs.get(), std::span(buffer).first(got.value())).ok()) break;
    }
    static_cast<void>(sys::shutdown(theirs.get(), SHUT_WR).ok());
  });
  std::thread writer([&] {
    EXPECT_TRUE(send_text(ours, much));
    static_cast<void>(sys::shutdown(ours.get(), SHUT_WR).ok());
  });
  EXPECT_EQ(receive_all(ours), much);
  writer.join();
  echo.join();
}

TEST_F(PortsTest, WhatIsSentBeforeTheAnswerIsNotLost) {
  LoopbackListener listener;
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, agent_.connector()(soon()));
  ASSERT_THAT(sys::set_nonblocking(stream.get(), false), IsOk());
  auto request = rpc::encode(rpc::Connect{.port = listener.port()}).value();
  const std::string early = pattern(3000);
  const auto bytes = std::as_bytes(std::span(early));
  request.insert(request.end(), bytes.begin(), bytes.end());
  ASSERT_THAT(write_all(stream.get(), request), IsOk());
  const UniqueFd theirs = listener.accept();
  EXPECT_EQ(receive_text(theirs, early.size()), early);
  client::ConnectAnswer answer;
  EXPECT_TRUE(answer.read(stream.get()).value());
}

TEST_F(PortsTest, NobodyListensIsSaidAtOnce) {
  const std::uint16_t port = LoopbackListener().port();
  for (int i = 0; i < 3; ++i) {
    const auto refused = connect(port);
    ASSERT_THAT(refused, Fails(Errc::kNotFound));
    EXPECT_EQ(refused.error().message(), "nothing listens on port " + std::to_string(port));
  }
  EXPECT_THAT(connect(0), Fails(Errc::kInvalidArgument));
}

TEST_F(PortsTest, ManyConnectionsAtOnce) {
  constexpr std::size_t kCount = 300;
  LoopbackListener listener;
  std::vector<std::pair<UniqueFd, UniqueFd>> pairs;
  for (std::size_t i = 0; i < kCount; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(UniqueFd ours, connect(listener.port()));
    pairs.emplace_back(std::move(ours), listener.accept());
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_TRUE(send_text(pairs[i].first, "to " + std::to_string(1000 + i)));
  }
  for (std::size_t i = kCount; i-- > 0;) {
    EXPECT_EQ(receive_text(pairs[i].second, 7), "to " + std::to_string(1000 + i));
  }
}

TEST_F(PortsTest, AHostThatVanishesEndsTheConnection) {
  LoopbackListener listener;
  UniqueFd theirs;
  {
    SM_ASSERT_OK_AND_ASSIGN(const UniqueFd ours, connect(listener.port()));
    theirs = listener.accept();
    EXPECT_TRUE(send_text(ours, "bye"));
  }
  EXPECT_EQ(receive_all(theirs), "bye");
}

TEST_F(PortsTest, ListenersAreListedWithTheirProcess) {
  LoopbackListener four;
  LoopbackListener six(AF_INET6);
  SM_ASSERT_OK_AND_ASSIGN(const auto found, client::list_listeners(agent_.connector(), soon()));
  for (const auto& [port, address] :
       {std::pair(four.port(), std::string("127.0.0.1")), {six.port(), "::1"}}) {
    const auto listener =
        std::ranges::find_if(found, [p = port](const rpc::Listener& l) { return l.port == p; });
    ASSERT_NE(listener, found.end()) << port;
    EXPECT_EQ(listener->address, address);
    // The agent is a fork of this process, which has the socket as well.
    EXPECT_NE(listener->pid, 0U);
  }
  const std::uint16_t closed = LoopbackListener().port();
  SM_ASSERT_OK_AND_ASSIGN(const auto later, client::list_listeners(agent_.connector(), soon()));
  EXPECT_TRUE(std::ranges::none_of(later, [&](const auto& l) { return l.port == closed; }));
}

TEST_F(PortsTest, AListenerIsWaitedFor) {
  const std::uint16_t port = LoopbackListener().port();
  std::optional<LoopbackListener> late;
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(100));
    late.emplace(AF_INET, port);
  });
  const auto found = client::wait_listener(agent_.connector(), port, seconds(10));
  later.join();
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found.value().port, port);
  EXPECT_EQ(found.value().address, "127.0.0.1");
}

TEST_F(PortsTest, WaitingForAListenerHasAnEnd) {
  const std::uint16_t port = LoopbackListener().port();
  const auto missed = client::wait_listener(agent_.connector(), port, milliseconds(50));
  ASSERT_THAT(missed, Fails(Errc::kTimeout));
  EXPECT_EQ(missed.error().message(),
            "nothing listens on port " + std::to_string(port) + " within 50 ms");
}

TEST_F(PortsTest, AWorkloadThatEndsEndsTheWait) {
  const std::uint16_t port = LoopbackListener().port();
  rpc::StartWorkload workload;
  workload.command.argv = {"sh", "-c", "sleep 0.05; echo no such file >&2; exit 3"};
  ASSERT_THAT(client::start_workload(agent_.connector(), workload, soon()), IsOk());
  const auto missed = client::wait_listener(agent_.connector(), port, seconds(60));
  ASSERT_THAT(missed, Fails(Errc::kGuestFault));
  EXPECT_EQ(missed.error().message(),
            "the workload exited with 3: no such file (nothing listens on port " +
                std::to_string(port) + ")");
}

TEST_F(PortsTest, AHostThatVanishesEndsItsWait) {
  const std::uint16_t port = LoopbackListener().port();
  {
    SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, agent_.connector()(soon()));
    const auto request = rpc::encode(rpc::WaitListener{.port = port, .timeout_ms = 60'000}).value();
    ASSERT_THAT(write_all(stream.get(), request), IsOk());
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_THAT(connect(port), Fails(Errc::kNotFound)) << "the agent goes on";
}

}  // namespace
}  // namespace supermachine::agent
