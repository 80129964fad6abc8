// SPDX-License-Identifier: Apache-2.0
// The device: its config, its queues, malformed packets, reset and restore.
#include "virtio/vsock.h"

#include "base/endian.h"
#include "vsock_test.h"

namespace supermachine::virtio {
namespace {

class VsockTest : public VsockTestBase {
 protected:
  // The connection that connect_from_guest() makes.
  static constexpr std::array kKept{VsockPorts{.host = 80, .guest = 5}};

  // Another device with another mux goes on for the same driver.
  void restore(const VsockState& state) {
    vsock_.reset();
    vsock_ = Vsock::create(state, *loop_, {}).value();
    guest_.start(*vsock_);
    guest_.give_buffers(4);
    settle();
  }
};

TEST_F(VsockTest, ConfigSpaceTellsTheContextId) {
  std::array<std::byte, 12> config{};
  config.fill(std::byte{0xff});
  vsock_->read_config(0, config);
  EXPECT_EQ(load_le<std::uint64_t>(config, 0), FakeVsockGuest::kCid);
  EXPECT_EQ(config[8], std::byte{0});
}

TEST_F(VsockTest, ReservedContextIdsAreRefused) {
  for (const std::uint64_t cid : {0ULL, 1ULL, 2ULL, 0xffff'ffffULL, 1ULL << 32}) {
    EXPECT_THAT(Vsock::create({.guest_cid = cid}, *loop_, {}), Fails(Errc::kInvalidArgument))
        << cid;
  }
}

TEST_F(VsockTest, EveryTruncatedHeaderIsDropped) {
  const auto bytes = encode_vsock_header(guest(VsockOp::kRw));
  for (std::size_t len = 0; len < bytes.size(); ++len) {
    guest_.send_raw(std::span(bytes).first(len));
    ASSERT_THAT(guest_.last_notify, IsOk());
    ASSERT_TRUE(guest_.tx_ring->take_used().has_value());
  }
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockTest, PacketThatClaimsMorePayloadThanItHasIsDropped) {
  const UniqueFd host = connect_from_guest();
  VsockHeader lie = guest(VsockOp::kRw);
  lie.len = 5;
  guest_.send_raw(encode_vsock_header(lie));
  EXPECT_EQ(read_from(host), "<none>");
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockTest, BytesBehindThePayloadAreIgnored) {
  const UniqueFd host = connect_from_guest();
  std::string bytes(kVsockHeaderBytes, '\0');
  VsockHeader header = guest(VsockOp::kRw);
  header.len = 3;
  std::ranges::copy(encode_vsock_header(header), std::as_writable_bytes(std::span(bytes)).begin());
  guest_.send_raw(std::as_bytes(std::span(bytes += "abcdef")));
  EXPECT_EQ(read_from(host), "abc");
}

TEST_F(VsockTest, BufferTooSmallForAHeaderIsAGuestFault) {
  use({});
  guest_.start(*vsock_);
  guest_.give_buffers(1, kVsockHeaderBytes - 1);
  guest_.send(guest(VsockOp::kRequest));
  EXPECT_THAT(guest_.last_notify, Fails(Errc::kGuestFault));
}

TEST_F(VsockTest, FaultNoticedWhileTheHostWritesIsReported) {
  const UniqueFd host = connect_from_guest();
  guest_.rx_ring->set_avail_index(9999);
  write_to(host, std::string(200'000, 'x'));
  settle();
  ASSERT_TRUE(guest_.failure.has_value());
  EXPECT_EQ(guest_.failure->code(), Errc::kGuestFault);
  settle();  // and does not touch the queues again
}

TEST_F(VsockTest, PacketsWaitForBuffers) {
  guest_.start(*vsock_);
  guest_.send(guest(VsockOp::kRw));
  EXPECT_EQ(next_op(), VsockOp{});
  guest_.give_buffers(1);
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockTest, GuestThatTakesNoAnswersIsNotHeard) {
  guest_.start(*vsock_);
  std::size_t sent = 0;
  for (; sent < 3000; ++sent) {
    guest_.tx_ring->recycle();
    guest_.send(guest(VsockOp::kRw));
    if (!guest_.tx_ring->take_used()) break;
  }
  EXPECT_EQ(sent, 1024U);  // then the device stopped taking packets

  std::size_t answers = 0;
  for (int round = 0; round < 20; ++round) {
    guest_.give_buffers(64);
    settle();
    while (next_op() == VsockOp::kRst) ++answers;
  }
  EXPECT_EQ(answers, sent + 1);
}

TEST_F(VsockTest, OneInterruptForABatch) {
  const UniqueFd host = connect_from_guest();
  write_to(host, std::string(40'000, 'x'));
  guest_.interrupts = 0;
  ASSERT_THAT(loop_->run_once(deadline_in({})), IsOk());
  EXPECT_EQ(guest_.interrupts, 1);
  std::size_t bytes = 0;
  while (next_op() == VsockOp::kRw) bytes += last_->payload.size();
  EXPECT_EQ(bytes, 40'000U);
}

TEST_F(VsockTest, TakesOneQueueLengthAtATime) {
  // The driver adds a packet whenever the device takes one, as often as it likes.
  constexpr int kPackets = 300;
  int taken = 0;
  const auto add_another = [&](const VsockStream&) {
    if (++taken >= kPackets) return;
    const auto port = static_cast<std::uint32_t>(taken);
    guest_.submit(FakeVsockGuest::header(VsockOp::kRequest, port, 80));
  };
  ASSERT_THAT(vsock_->mux().listen(80, add_another), IsOk());

  guest_.send(FakeVsockGuest::header(VsockOp::kRequest, 0, 80));
  EXPECT_EQ(taken, FakeVsockGuest::kRingSize);
  settle();
  EXPECT_EQ(taken, kPackets);
}

TEST_F(VsockTest, ResetEndsConnectionsButNotListeners) {
  const UniqueFd host = connect_from_guest();
  vsock_->reset();
  EXPECT_EQ(read_from(host), "<eof>");
  guest_.start(*vsock_);
  guest_.give_buffers(4);
  const UniqueFd again = connect_from_guest();
  guest_.send(guest(VsockOp::kRw), "new");
  EXPECT_EQ(read_from(again), "new");
}

TEST_F(VsockTest, RestoredGuestIsToldOfEachConnectionThatIsGone) {
  const UniqueFd host = connect_from_guest();
  const VsockState saved = vsock_->save({});
  EXPECT_EQ(saved.guest_cid, FakeVsockGuest::kCid);
  restore(saved);

  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_EQ(last_->header.src_port, 80U);
  EXPECT_EQ(last_->header.dst_port, 5U);
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockTest, KeptConnectionGoesOnInARestoredGuest) {
  const UniqueFd before = connect_from_guest();
  write_to(before, "one");
  guest_.send(guest(VsockOp::kRw), "two");
  settle();
  EXPECT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(read_from(before), "two");
  const VsockState saved = vsock_->save(kKept);
  restore(saved);

  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd after, vsock_->mux().take_kept(kKept[0]));
  EXPECT_EQ(next_op(), VsockOp{}) << "the guest must notice nothing";
  guest_.send(guest(VsockOp::kRw), "three");
  EXPECT_EQ(read_from(after), "three");
  write_to(after, "four");
  settle();
  EXPECT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->payload, "four");
  EXPECT_EQ(last_->header.fwd_cnt, 8U) << "counts go on";
  EXPECT_THAT(vsock_->mux().take_kept(kKept[0]), Fails(Errc::kNotFound)) << "each once";
}

TEST_F(VsockTest, ConnectionWithBytesUnderWayIsNotKept) {
  const UniqueFd host = connect_from_guest();
  write_to(host, "not yet seen by the device");
  EXPECT_THAT(vsock_->save(kKept).mux.lost, ::testing::ElementsAre(kKept[0]));
}

TEST_F(VsockTest, SavingLeavesTheSourceAsItWas) {
  const UniqueFd host = connect_from_guest();
  static_cast<void>(vsock_->save({}));
  guest_.send(guest(VsockOp::kRw), "still here");
  EXPECT_EQ(read_from(host), "still here");
}

TEST_F(VsockTest, RefusesAStateThatNoDeviceCouldSave) {
  VsockState state{.guest_cid = FakeVsockGuest::kCid};
  state.mux.kept = {{.ports = kKept[0]}, {.ports = kKept[0]}};
  EXPECT_THAT(Vsock::create(state, *loop_, {}), Fails(Errc::kCorrupt));
  state.mux.kept.clear();
  state.mux.lost.resize(100'000);
  EXPECT_THAT(Vsock::create(state, *loop_, {}), Fails(Errc::kCorrupt));
}

}  // namespace
}  // namespace supermachine::virtio
