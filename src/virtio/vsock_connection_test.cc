// SPDX-License-Identifier: Apache-2.0
// A connection's life as guest and host see it: data, credit, half-close, end.
#include "virtio/vsock_connection.h"

#include "vsock_test.h"

namespace supermachine::virtio {
namespace {

class VsockConnectionTest : public VsockTestBase {
 protected:
  // All data the guest gets until it gets something else, which is in last_ then.
  std::string receive_data() {
    std::string data;
    while (next_op() == VsockOp::kRw) data += last_->payload;
    return data;
  }

  // Sends `bytes` bytes in large packets until the device has taken or refused them.
  void send_bytes(std::size_t bytes) {
    for (; bytes != 0; bytes -= std::min<std::size_t>(bytes, 64 << 10)) {
      guest_.send(guest(VsockOp::kRw), std::string(std::min<std::size_t>(bytes, 64 << 10), 'x'));
    }
  }

  std::size_t drain(const UniqueFd& host) {
    std::size_t total = 0;
    for (;;) {
      const std::string text = read_from(host, 1 << 20);
      if (text.starts_with('<')) return total;
      total += text.size();
      settle();
    }
  }
};

TEST_F(VsockConnectionTest, RelaysBothWays) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "to the host");
  EXPECT_EQ(read_from(host), "to the host");
  write_to(host, "to the guest");
  settle();
  EXPECT_EQ(receive_data(), "to the guest");
}

TEST_F(VsockConnectionTest, LargeWritesFillSeveralBuffers) {
  const UniqueFd host = connect_from_guest();
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += static_cast<char>('a' + i % 26);
  write_to(host, text);
  settle();
  EXPECT_EQ(receive_data(), text);
}

// --- credit towards the guest ---

TEST_F(VsockConnectionTest, SendsNoMoreThanTheGuestHasRoomFor) {
  const UniqueFd host = connect_from_guest(10);
  write_to(host, "0123456789abcdef");
  settle();
  EXPECT_EQ(receive_data(), "0123456789");
  EXPECT_EQ(last_->header.op, VsockOp::kCreditRequest);
  EXPECT_EQ(next_op(), VsockOp{});

  VsockHeader update = guest(VsockOp::kCreditUpdate);
  update.buf_alloc = 10;
  update.fwd_cnt = 4;
  guest_.send(update);
  EXPECT_EQ(receive_data(), "abcd");
}

TEST_F(VsockConnectionTest, GuestThatClaimsToHaveReadMoreThanWasSentGetsNothing) {
  const UniqueFd host = connect_from_guest();
  VsockHeader lie = guest(VsockOp::kCreditUpdate);
  lie.fwd_cnt = 1000;
  guest_.send(lie);
  write_to(host, "secret");
  settle();
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockConnectionTest, GuestThatTakesItsRoomBackGetsNothing) {
  const UniqueFd host = connect_from_guest(100);
  write_to(host, std::string(50, 'x'));
  settle();
  EXPECT_EQ(receive_data().size(), 50U);
  VsockHeader update = guest(VsockOp::kCreditUpdate);
  update.buf_alloc = 20;
  guest_.send(update);
  write_to(host, "more");
  settle();
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockConnectionTest, CountersWrapAround) {
  const UniqueFd host = connect_from_guest(0);
  VsockHeader update = guest(VsockOp::kCreditUpdate);
  update.fwd_cnt = 0xffff'ffff;  // one byte in flight that we don't know of: legal arithmetic
  update.buf_alloc = 3;
  guest_.send(update);
  write_to(host, "abcdef");
  settle();
  EXPECT_EQ(receive_data(), "ab");
}

// --- credit towards the host ---

TEST_F(VsockConnectionTest, TellsTheGuestWhatTheHostTook) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "12345");
  guest_.send(guest(VsockOp::kCreditRequest));
  ASSERT_EQ(next_op(), VsockOp::kCreditUpdate);
  EXPECT_EQ(last_->header.fwd_cnt, 5U);
  EXPECT_EQ(last_->header.buf_alloc, VsockConnection::kBufAlloc);
}

TEST_F(VsockConnectionTest, TellsTheGuestUnaskedAfterManyBytes) {
  const UniqueFd host = connect_from_guest();
  send_bytes(64 << 10);
  EXPECT_EQ(drain(host), 64U << 10);
  EXPECT_EQ(next_op(), VsockOp{});
  send_bytes(64 << 10);
  ASSERT_EQ(next_op(), VsockOp::kCreditUpdate);
  EXPECT_EQ(last_->header.fwd_cnt, 128U << 10);
}

TEST_F(VsockConnectionTest, KeepsWhatASlowHostDoesNotTakeYet) {
  const UniqueFd host = connect_from_guest();
  send_bytes(400 << 10);  // more than the socket holds
  EXPECT_EQ(drain(host), 400U << 10);
  VsockOp op{};
  std::uint32_t told = 0;
  while ((op = next_op()) == VsockOp::kCreditUpdate) told = last_->header.fwd_cnt;
  EXPECT_EQ(op, VsockOp{});
  EXPECT_GE(told, 256U << 10);
}

TEST_F(VsockConnectionTest, GuestThatIgnoresItsCreditIsReset) {
  const UniqueFd host = connect_from_guest();
  send_bytes(2 << 20);
  VsockOp op = next_op();
  while (op == VsockOp::kCreditUpdate) op = next_op();
  EXPECT_EQ(op, VsockOp::kRst);
  EXPECT_EQ(vsock_->mux().connection_count(), 0U);
}

// --- half-close and the end ---

TEST_F(VsockConnectionTest, HostThatStopsWritingMayStillRead) {
  const UniqueFd host = connect_from_guest();
  write_to(host, "last words");
  ASSERT_THAT(sys::shutdown(host.get(), SHUT_WR), IsOk());
  settle();
  EXPECT_EQ(receive_data(), "last words");
  EXPECT_EQ(last_->header.op, VsockOp::kShutdown);
  EXPECT_EQ(last_->header.flags, kShutdownSend);
  guest_.send(guest(VsockOp::kRw), "answer");
  EXPECT_EQ(read_from(host), "answer");

  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownSend;
  guest_.send(shutdown);
  EXPECT_EQ(next_op(), VsockOp::kRst);  // both directions are done
  EXPECT_EQ(read_from(host), "<eof>");
  EXPECT_EQ(vsock_->mux().connection_count(), 0U);
}

TEST_F(VsockConnectionTest, GuestThatStopsWritingMayStillRead) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "last words");
  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownSend;
  guest_.send(shutdown);
  EXPECT_EQ(read_from(host), "last words");
  EXPECT_EQ(read_from(host), "<eof>");
  write_to(host, "answer");
  settle();
  EXPECT_EQ(receive_data(), "answer");
}

TEST_F(VsockConnectionTest, GuestThatStopsReadingMakesWritesFail) {
  const UniqueFd host = connect_from_guest();
  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownReceive;
  guest_.send(shutdown);
  const std::array segment{std::as_bytes(std::span(std::string_view("x")))};
  const auto sent = sys::try_sendv(host.get(), segment);
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().os_errno(), EPIPE);
  guest_.send(guest(VsockOp::kRw), "still here");
  EXPECT_EQ(read_from(host), "still here");
}

TEST_F(VsockConnectionTest, GuestThatClosesIsResetAtOnce) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "bye");
  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownBoth;
  guest_.send(shutdown);
  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_EQ(read_from(host), "bye");
  EXPECT_EQ(read_from(host), "<eof>");
  EXPECT_EQ(vsock_->mux().connection_count(), 0U);
}

TEST_F(VsockConnectionTest, HostThatClosesAfterWritingLosesNothing) {
  UniqueFd host = connect_from_guest();
  write_to(host, "all of it");
  host = UniqueFd();
  settle();
  std::string data;
  std::uint32_t flags = 0;
  for (VsockOp op = next_op(); op != VsockOp{}; op = next_op()) {
    if (op == VsockOp::kRw) data += last_->payload;
    if (op == VsockOp::kShutdown) flags |= last_->header.flags;
  }
  EXPECT_EQ(data, "all of it");
  EXPECT_EQ(flags, kShutdownBoth);

  guest_.send(guest(VsockOp::kRw), "into the void");  // sent before it heard
  EXPECT_EQ(next_op(), VsockOp{});
  guest_.send(guest(VsockOp::kRst));
  EXPECT_EQ(vsock_->mux().connection_count(), 0U);
}

TEST_F(VsockConnectionTest, DataAfterAPromiseOfNoneIsReset) {
  const UniqueFd host = connect_from_guest();
  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownSend;
  guest_.send(shutdown);
  guest_.send(guest(VsockOp::kRw), "but");
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockConnectionTest, SlowHostStillGetsTheTailAfterTheGuestIsGone) {
  const UniqueFd host = connect_from_guest();
  send_bytes(400 << 10);
  VsockHeader shutdown = guest(VsockOp::kShutdown);
  shutdown.flags = kShutdownBoth;
  guest_.send(shutdown);
  guest_.send(guest(VsockOp::kRst));
  EXPECT_EQ(vsock_->mux().connection_count(), 1U);
  EXPECT_EQ(drain(host), 400U << 10);
  EXPECT_EQ(vsock_->mux().connection_count(), 0U);
}

TEST_F(VsockConnectionTest, ResetByTheGuestClosesTheHostSocket) {
  const UniqueFd host = connect_from_guest();
  guest_.send(guest(VsockOp::kRst));
  EXPECT_EQ(read_from(host), "<eof>");
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockConnectionTest, PacketThatMakesNoSenseIsReset) {
  for (const VsockOp op : {VsockOp::kRequest, VsockOp::kResponse, VsockOp{0}, VsockOp{99}}) {
    const UniqueFd host = connect_from_guest();
    guest_.send(guest(op));
    EXPECT_EQ(next_op(), VsockOp::kRst);
    EXPECT_EQ(vsock_->mux().connection_count(), 0U);
  }
}

}  // namespace
}  // namespace supermachine::virtio
