// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_unix.h"

#include <sys/stat.h>

#include "base/files.h"
#include "vsock_test.h"

namespace supermachine::virtio {
namespace {

TEST(VsockGreetingTest, NamesAPort) {
  EXPECT_EQ(parse_vsock_greeting("CONNECT 52\n"), 52U);
  EXPECT_EQ(parse_vsock_greeting("CONNECT 4294967295\n"), 4294967295U);
}

TEST(VsockGreetingTest, AnythingElseIsRefused) {
  for (const char* line : {"", "\n", "CONNECT\n", "CONNECT \n", "CONNECT 52", "connect 52\n",
                           "CONNECT -1\n", "CONNECT 4294967296\n", "CONNECT 5 2\n",
                           "CONNECT 52\r\n", "CONNECT  52\n", "CONNECT 0x10\n"}) {
    EXPECT_FALSE(parse_vsock_greeting(line).has_value()) << line;
  }
}

class VsockUnixTest : public VsockTestBase {
 protected:
  void SetUp() override { use({.unix_path = path_}); }

  UniqueFd client() { return sys::unix_connect(path_).value(); }

  TempDir dir_ = TempDir::create().value();
  std::string path_ = dir_.path() + "/vm.sock";
};

TEST_F(VsockUnixTest, ClientIsConnectedAfterItsGreeting) {
  const UniqueFd host = client();
  write_to(host, "CONNECT 9\nand data at once");
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  EXPECT_EQ(last_->header.dst_port, 9U);
  const VsockHeader request = last_->header;
  EXPECT_EQ(read_from(host), "<none>");

  guest_.send(FakeVsockGuest::answer(request, VsockOp::kResponse));
  guest_.send(FakeVsockGuest::answer(request, VsockOp::kRw), "banner");
  settle();

  EXPECT_EQ(read_from(host), "OK " + std::to_string(request.src_port) + "\nbanner");
  ASSERT_EQ(next_op(), VsockOp::kRw);
  EXPECT_EQ(last_->payload, "and data at once");
}

TEST_F(VsockUnixTest, GreetingMayComeInPieces) {
  const UniqueFd host = client();
  for (const char* piece : {"CON", "NECT", " 1", "2"}) {
    write_to(host, piece);
    settle();
    EXPECT_EQ(next_op(), VsockOp{});
  }
  write_to(host, "\n");
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  EXPECT_EQ(last_->header.dst_port, 12U);
}

TEST_F(VsockUnixTest, RefusalClosesTheSocket) {
  const UniqueFd host = client();
  write_to(host, "CONNECT 9\n");
  settle();
  ASSERT_EQ(next_op(), VsockOp::kRequest);
  guest_.send(FakeVsockGuest::answer(last_->header, VsockOp::kRst));
  EXPECT_EQ(read_from(host), "<eof>");
}

TEST_F(VsockUnixTest, BadGreetingClosesTheSocket) {
  for (const char* line : {"HELLO\n", "CONNECT none\n", "\n"}) {
    const UniqueFd host = client();
    write_to(host, line);
    settle();
    EXPECT_NE(read_from(host), "<none>") << line;
  }
  EXPECT_EQ(next_op(), VsockOp{});
}

TEST_F(VsockUnixTest, EndlessGreetingClosesTheSocket) {
  const UniqueFd host = client();
  write_to(host, "CONNECT 000000000000000000000000000");
  settle();
  EXPECT_NE(read_from(host), "<none>");
}

TEST_F(VsockUnixTest, ClientsThatSayNothingAreLimited) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i <= VsockUnixServer::kMaxGreeters; ++i) {
    silent.push_back(client());
    settle();
  }
  EXPECT_EQ(read_from(silent.front()), "<none>");
  EXPECT_EQ(read_from(silent.back()), "<eof>");

  silent.erase(silent.begin());  // hangs up, which makes room
  settle();
  const UniqueFd host = client();
  write_to(host, "CONNECT 9\n");
  settle();
  EXPECT_EQ(next_op(), VsockOp::kRequest);
}

TEST_F(VsockUnixTest, GuestReachesAListenerBesideTheSocketFile) {
  const UniqueFd listener = sys::unix_listen(path_ + "_80").value();
  guest_.send(guest(VsockOp::kRequest));
  EXPECT_EQ(next_op(), VsockOp::kResponse);
  guest_.send(guest(VsockOp::kRw), "hello");

  auto accepted = sys::accept(listener.get()).value();
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(read_from(*accepted), "hello");
}

TEST_F(VsockUnixTest, GuestIsRefusedWhereThereIsNoSocketFile) {
  guest_.send(guest(VsockOp::kRequest));
  EXPECT_EQ(next_op(), VsockOp::kRst);
}

TEST_F(VsockUnixTest, SocketFileIsPrivateAndGoesAway) {
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  vsock_.reset();
  EXPECT_NE(::stat(path_.c_str(), &status), 0);
}

TEST_F(VsockUnixTest, PathThatIsTakenIsAnError) {
  EXPECT_THAT(Vsock::create({}, *loop_, {.unix_path = path_}), Fails(Errc::kOs));
}

}  // namespace
}  // namespace supermachine::virtio
