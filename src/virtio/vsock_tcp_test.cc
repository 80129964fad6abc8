// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_tcp.h"

#include "base/tcp.h"
#include "loopback.h"
#include "open_files.h"
#include "vsock_test.h"

namespace supermachine::virtio {
namespace {

class VsockTcpTest : public VsockTestBase {
 protected:
  void SetUp() override {
    VsockTestBase::SetUp();
    auto listener = tcp_listen("127.0.0.1", 0).value();
    port_ = listener.port;
    server_ = VsockTcpServer::create(*loop_, vsock_->mux(),
                                     {.listener = std::move(listener.socket),
                                      .guest_port = 7,
                                      .preface = {.say = bytes("to 80\n"), .hear = bytes("yes")}})
                  .value();
  }
  void TearDown() override {
    server_.reset();
    VsockTestBase::TearDown();
  }

  static std::vector<std::byte> bytes(std::string_view text) {
    const auto span = std::as_bytes(std::span(text));
    return {span.begin(), span.end()};
  }
  // A client whose connection the guest has accepted; it has heard the preface.
  UniqueFd client() {
    UniqueFd socket = connect_loopback(port_);
    settle();
    EXPECT_EQ(next_op(), VsockOp::kRequest);
    EXPECT_EQ(last_->header.dst_port, 7U);
    request_ = last_->header;
    guest_.send(FakeVsockGuest::answer(request_, VsockOp::kResponse));
    settle();
    EXPECT_EQ(next_op(), VsockOp::kRw);
    EXPECT_EQ(last_->payload, "to 80\n");
    return socket;
  }
  void says(std::string_view text) {
    guest_.send(FakeVsockGuest::answer(request_, VsockOp::kRw), text);
    settle();
  }
  void settle() {
    VsockTestBase::settle();
    VsockTestBase::settle();
  }

  std::uint16_t port_ = 0;
  std::unique_ptr<VsockTcpServer> server_;
  VsockHeader request_;
};

TEST_F(VsockTcpTest, BytesFlowAfterThePreface) {
  const UniqueFd host = client();
  write_to(host, "hello");
  settle();
  EXPECT_EQ(next_op(), VsockOp{}) << "not before the guest has answered";
  says("yes");
  ASSERT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->payload, "hello");
  says("welcome");
  EXPECT_EQ(receive_text(host, 7), "welcome");
}

TEST_F(VsockTcpTest, WhatFollowsTheAnswerIsTheClients) {
  const UniqueFd host = client();
  says("ye");
  says("s220 ready");
  EXPECT_EQ(receive_text(host, 9), "220 ready");
  // All of it counts as taken: a banner without end would stall otherwise.
  write_to(host, "x");
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->header.fwd_cnt, 12U);
}

TEST_F(VsockTcpTest, AnotherAnswerClosesTheConnection) {
  const UniqueFd host = client();
  says("yet another");
  EXPECT_EQ(receive_all(host), "");
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockTcpTest, ARefusalClosesTheConnection) {
  const UniqueFd host = connect_loopback(port_);
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  guest_.send(FakeVsockGuest::answer(last_->header, VsockOp::kRst));
  settle();
  EXPECT_EQ(receive_all(host), "");
}

TEST_F(VsockTcpTest, AGuestThatHangsUpBeforeItsAnswerClosesTheConnection) {
  const UniqueFd host = client();
  VsockHeader shutdown = FakeVsockGuest::answer(request_, VsockOp::kShutdown);
  shutdown.flags = kShutdownBoth;
  guest_.send(shutdown);
  settle();
  EXPECT_EQ(receive_all(host), "");
}

TEST_F(VsockTcpTest, BothEndsArePassedOnByThemselves) {
  const UniqueFd host = client();
  says("yes");
  write_to(host, "question");
  ASSERT_THAT(sys::shutdown(host.get(), SHUT_WR), IsOk());
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->payload, "question");
  ASSERT_EQ(next_op(), VsockOp::kShutdown);
  EXPECT_EQ(last_->header.flags, kShutdownSend);

  says("answer");
  VsockHeader shutdown = FakeVsockGuest::answer(request_, VsockOp::kShutdown);
  shutdown.flags = kShutdownSend;
  guest_.send(shutdown);
  settle();
  EXPECT_EQ(receive_all(host), "answer");
}

TEST_F(VsockTcpTest, TheEndOfTheServerEndsItsConnections) {
  const UniqueFd host = client();
  says("yes");
  server_.reset();
  EXPECT_EQ(receive_all(host), "");
  EXPECT_EQ(next_op(), VsockOp::kRst);
  EXPECT_FALSE(connect_loopback(port_)) << "nobody listens any more";
}

TEST_F(VsockTcpTest, BeyondTheLimitConnectionsAreClosedAtOnce) {
  allow_many_open_files();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 1024; ++i) {
    clients.push_back(connect_loopback(port_));
    if (i % 64 == 63) settle();
  }
  settle();
  EXPECT_EQ(vsock_->mux().connection_count(), 1024U);
  const UniqueFd one_more = connect_loopback(port_);
  settle();
  EXPECT_EQ(receive_all(one_more), "");
  EXPECT_EQ(vsock_->mux().connection_count(), 1024U);
}

TEST_F(VsockTcpTest, AGuestWithoutADriverClosesTheConnection) {
  vsock_->reset();
  const UniqueFd host = connect_loopback(port_);
  settle();
  EXPECT_EQ(receive_all(host), "");
}

}  // namespace
}  // namespace supermachine::virtio
