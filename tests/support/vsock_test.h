// SPDX-License-Identifier: Apache-2.0
// Base for tests of a vsock device with a fake guest on one side and sockets on the other, on one
// thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "base/event_loop.h"
#include "base/sys.h"
#include "fake_vsock_guest.h"
#include "result_matchers.h"

namespace supermachine::virtio {

class VsockTestBase : public ::testing::Test {
 protected:
  void SetUp() override { use({}); }
  // Before the members of the test itself go, which callbacks of what is still open refer to.
  void TearDown() override { vsock_.reset(); }

  void use(const VsockConfig& config) {
    vsock_.reset();
    vsock_ = Vsock::create({.guest_cid = FakeVsockGuest::kCid}, *loop_, config).value();
    guest_.start(*vsock_);
    guest_.give_buffers(32);
  }

  // Lets the loop handle everything that is ready.
  void settle() {
    for (int i = 0; i < 8; ++i) ASSERT_THAT(loop_->run_once(deadline_in({})), IsOk());
  }

  // The op of the next packet the guest gets; 0 for none.
  VsockOp next_op() {
    last_ = guest_.receive();
    return last_ ? last_->header.op : VsockOp{};
  }

  // A connection of the guest's port 5 to a listener on port 80; its host end.
  UniqueFd connect_from_guest(std::uint32_t guest_buf_alloc = 1 << 20) {
    UniqueFd taken;
    static_cast<void>(vsock_->mux()
                          .listen(80, [&](VsockStream stream) { taken = std::move(stream.socket); })
                          .ok());
    VsockHeader request = guest(VsockOp::kRequest);
    request.buf_alloc = guest_buf_alloc;
    guest_.send(request);
    vsock_->mux().unlisten(80);
    EXPECT_EQ(next_op(), VsockOp::kResponse);
    EXPECT_TRUE(taken);
    settle();
    return taken;
  }

  // A packet of that connection.
  static VsockHeader guest(VsockOp op) { return FakeVsockGuest::header(op, 5, 80); }

  static void write_to(const UniqueFd& socket, std::string_view text) {
    EXPECT_EQ(sys::write(socket.get(), std::as_bytes(std::span(text))).value(), text.size());
  }

  // What is there to read; "<eof>" at the end of file, "<none>" when it would block.
  static std::string read_from(const UniqueFd& socket, std::size_t max = 4096) {
    std::string text(max, '\0');
    EXPECT_THAT(sys::set_nonblocking(socket.get(), true), IsOk());
    const auto got = sys::try_read(socket.get(), std::as_writable_bytes(std::span(text)));
    if (!got.ok()) return "<" + got.error().message() + ">";
    if (!got.value()) return "<none>";
    if (*got.value() == 0) return "<eof>";
    text.resize(*got.value());
    return text;
  }

  GuestMemory memory_ = GuestMemory::create(FakeVsockGuest::kMemoryBytes).value();
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  FakeVsockGuest guest_{memory_};
  std::unique_ptr<Vsock> vsock_;
  std::optional<FakeVsockGuest::Packet> last_;
};

}  // namespace supermachine::virtio
