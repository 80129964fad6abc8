// SPDX-License-Identifier: Apache-2.0
// Opening connections from both sides, limits, packets for nobody.
#include "virtio/vsock_mux.h"

#include <thread>

#include "base/files.h"
#include "vsock_test.h"

namespace supermachine::virtio {
namespace {

using namespace std::chrono_literals;

class VsockMuxTest : public VsockTestBase {
 protected:
  // Asks for a connection to the guest's port 9; the outcome lands in opened_.
  UniqueFd open(Deadline deadline = Deadline::max()) {
    auto pair = sys::socket_pair().value();
    EXPECT_THAT(sys::set_nonblocking(pair.first.get(), true), IsOk());
    opened_.reset();
    vsock_->mux().open(9, std::move(pair.first), deadline,
                       [this](Result<VsockMux::Opened> opened) { opened_ = std::move(opened); });
    return std::move(pair.second);
  }

  std::optional<Result<VsockMux::Opened>> opened_;
};

TEST_F(VsockMuxTest, HostConnectsToTheGuest) {
  const UniqueFd host = open();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  const VsockHeader request = last_->header;
  EXPECT_EQ(request.dst_port, 9U);
  EXPECT_EQ(request.dst_cid, FakeVsockGuest::kCid);
  EXPECT_EQ(request.src_cid, kVsockHostCid);
  EXPECT_FALSE(opened_.has_value());

  guest_.send(FakeVsockGuest::answer(request, VsockOp::kResponse));

  ASSERT_TRUE(opened_.has_value());
  ASSERT_THAT(*opened_, IsOk());
  EXPECT_EQ(opened_->value().host_port, request.src_port);
  write_to(host, "ping");
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->payload, "ping");
  guest_.send(FakeVsockGuest::answer(request, VsockOp::kRw), "pong");
  EXPECT_EQ(read_from(host), "pong");
}

TEST_F(VsockMuxTest, RefusalByTheGuestIsPassedOnAtOnce) {
  const UniqueFd host = open();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  guest_.send(FakeVsockGuest::answer(last_->header, VsockOp::kRst));
  ASSERT_TRUE(opened_.has_value());
  EXPECT_THAT(*opened_, Fails(Errc::kNotFound));
  EXPECT_EQ(read_from(host), "<eof>");
  EXPECT_EQ(next_op(), VsockOp{});  // a RST is not answered
}

TEST_F(VsockMuxTest, DataBeforeTheResponseIsARefusal) {
  const UniqueFd host = open();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  guest_.send(FakeVsockGuest::answer(last_->header, VsockOp::kRw), "early");
  EXPECT_THAT(opened_.value(), Fails(Errc::kNotFound));
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockMuxTest, GuestWithoutADriverIsNotFound) {
  vsock_->reset();
  const UniqueFd host = open();
  EXPECT_THAT(opened_.value(), Fails(Errc::kNotFound));
}

TEST_F(VsockMuxTest, SilentGuestIsATimeoutAndHearsOfIt) {
  const UniqueFd host = open(deadline_in(1ms));
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  const VsockHeader request = last_->header;
  while (!opened_) ASSERT_THAT(loop_->run_once(deadline_in(1s)), IsOk());
  EXPECT_THAT(*opened_, Fails(Errc::kTimeout));
  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_EQ(last_->header.src_port, request.src_port);

  guest_.send(FakeVsockGuest::answer(request, VsockOp::kResponse));  // too late
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockMuxTest, ResetByTheDriverFailsWhatIsBeingOpened) {
  const UniqueFd host = open();
  vsock_->reset();
  EXPECT_THAT(opened_.value(), Fails(Errc::kNotFound));
}

TEST_F(VsockMuxTest, ConnectionsToOnePortGetDifferentHostPorts) {
  const UniqueFd first = open();
  const UniqueFd second = open();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  const std::uint32_t port = last_->header.src_port;
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  EXPECT_NE(last_->header.src_port, port);
}

TEST_F(VsockMuxTest, ListenerTakesConnectionsOfTheGuest) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "hello");
  EXPECT_EQ(read_from(host), "hello");
}

TEST_F(VsockMuxTest, PortCanBeListenedOnOnce) {
  EXPECT_THAT(vsock_->mux().listen(7, [](const VsockStream&) {}), IsOk());
  EXPECT_THAT(vsock_->mux().listen(7, [](const VsockStream&) {}), Fails(Errc::kInvalidArgument));
  vsock_->mux().unlisten(7);
  EXPECT_THAT(vsock_->mux().listen(7, [](const VsockStream&) {}), IsOk());
}

TEST_F(VsockMuxTest, GuestIsRefusedWhereNobodyListens) {
  guest_.send(guest(VsockOp::kRequest));
  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_EQ(last_->header.src_port, 80U);
  EXPECT_EQ(last_->header.dst_port, 5U);
}

TEST_F(VsockMuxTest, PacketOfNoConnectionIsReset) {
  for (const VsockOp op : {VsockOp::kResponse, VsockOp::kShutdown, VsockOp::kRw,
                           VsockOp::kCreditUpdate, VsockOp::kCreditRequest, VsockOp{77}}) {
    guest_.send(guest(op));
    EXPECT_EQ(next_op(), VsockOp::kRst);
  }
  guest_.send(guest(VsockOp::kRst));
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockMuxTest, PacketFromOrToAnotherContextIsDropped) {
  VsockHeader header = guest(VsockOp::kRequest);
  header.src_cid = 4;
  guest_.send(header);
  header = guest(VsockOp::kRequest);
  header.dst_cid = 4;
  guest_.send(header);
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockMuxTest, UnknownTypeIsResetInItsOwnType) {
  VsockHeader header = guest(VsockOp::kRequest);
  header.type = VsockType{2};
  guest_.send(header);
  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_EQ(last_->header.type, VsockType{2});
}

TEST_F(VsockMuxTest, ConnectionsBeyondTheLimitAreRefused) {
  use({.max_connections = 2});
  std::vector<UniqueFd> taken;
  ASSERT_THAT(vsock_->mux().listen(
                  80, [&](VsockStream stream) { taken.push_back(std::move(stream.socket)); }),
              IsOk());
  for (std::uint32_t port = 1; port <= 2; ++port) {
    guest_.send(FakeVsockGuest::header(VsockOp::kRequest, port, 80));
    EXPECT_EQ(next_op(), VsockOp::kResponse);
  }
  guest_.send(FakeVsockGuest::header(VsockOp::kRequest, 3, 80));
  EXPECT_EQ(next_op(), VsockOp::kRst);
  const UniqueFd host = open();
  EXPECT_THAT(opened_.value(), Fails(Errc::kExhausted));

  guest_.send(FakeVsockGuest::header(VsockOp::kRst, 1, 80));  // makes room
  guest_.send(FakeVsockGuest::header(VsockOp::kRequest, 3, 80));
  EXPECT_EQ(next_op(), VsockOp::kResponse);
  EXPECT_EQ(taken.size(), 3U);
}

TEST_F(VsockMuxTest, BusyConnectionsTakeTurns) {
  std::vector<UniqueFd> taken;
  ASSERT_THAT(vsock_->mux().listen(
                  80, [&](VsockStream stream) { taken.push_back(std::move(stream.socket)); }),
              IsOk());
  for (std::uint32_t port = 1; port <= 2; ++port) {
    guest_.send(FakeVsockGuest::header(VsockOp::kRequest, port, 80));
    EXPECT_EQ(next_op(), VsockOp::kResponse);
  }
  settle();
  write_to(taken[0], std::string(150'000, 'a'));
  write_to(taken[1], std::string(100, 'b'));
  settle();
  guest_.give_buffers(16);
  settle();
  bool second_was_served = false;
  while (next_op() == VsockOp::kRw) second_was_served |= last_->payload[0] == 'b';
  EXPECT_TRUE(second_was_served);
}

// --- connect(), from another thread ---

class VsockConnectTest : public VsockMuxTest {
 protected:
  // Connects to port 9 on another thread while this one runs the loop; `answer` is the guest's.
  Result<VsockStream> connect(std::optional<VsockOp> answer, std::chrono::milliseconds patience) {
    std::optional<Result<VsockStream>> outcome;
    std::atomic<bool> done = false;
    std::jthread caller([&] {
      outcome = vsock_->mux().connect(9, deadline_in(patience));
      done = true;
    });
    while (!done) {
      EXPECT_THAT(loop_->run_once(deadline_in(1ms)), IsOk());
      if (next_op() == VsockOp::kRequest && answer) {
        guest_.send(FakeVsockGuest::answer(last_->header, *answer));
      }
    }
    caller.join();
    return *std::move(outcome);
  }
};

TEST_F(VsockConnectTest, GivesAConnectedSocket) {
  SM_ASSERT_OK_AND_ASSIGN(const VsockStream stream, connect(VsockOp::kResponse, 10s));
  EXPECT_EQ(read_from(stream.socket), "<none>");
  EXPECT_EQ(stream.ports.guest, 9U);
  EXPECT_EQ(vsock_->mux().connection_count(), 1U);
}

TEST_F(VsockConnectTest, RefusalComesLongBeforeTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(connect(VsockOp::kRst, 30s), Fails(Errc::kNotFound));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(VsockConnectTest, SilenceIsATimeout) {
  EXPECT_THAT(connect(std::nullopt, 5ms), Fails(Errc::kTimeout));
}

TEST_F(VsockConnectTest, LoopThatNeverRunsIsATimeout) {
  EXPECT_THAT(vsock_->mux().connect(9, deadline_in(2ms)), Fails(Errc::kTimeout));
}

TEST_F(VsockConnectTest, EndOfTheMachineEndsTheWait) {
  std::optional<Result<VsockStream>> outcome;
  std::jthread caller([&] { outcome = vsock_->mux().connect(9, deadline_in(30s)); });
  while (next_op() != VsockOp::kRequest) ASSERT_THAT(loop_->run_once(deadline_in(1ms)), IsOk());
  // The caller only waits now: the mux has no more to do with its thread.
  vsock_->reset();
  caller.join();
  EXPECT_THAT(*outcome, Fails(Errc::kNotFound));
}

}  // namespace
}  // namespace supermachine::virtio
