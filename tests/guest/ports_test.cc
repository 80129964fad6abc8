// SPDX-License-Identifier: Apache-2.0
// Ports of a guest: nginx as the workload, reached by connect() and through a port of the host.
#include <csignal>
#include <thread>

#include "loopback.h"
#include "snapshot_guest.h"
#include "supermachine/pool.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLarge = 10 << 20;

// Takes a connection each, on port 7: tells how many bytes came, then sends as many of its own.
// Python: nc of busybox does not pass on the ends of the directions.
constexpr const char* kCounter = R"(
import socket, threading
def serve(c):
    n = 0
    while True:
        d = c.recv(65536)
        if not d: break
        n += len(d)
    c.sendall(b'%d\n' % n + b'y' * n)
    c.shutdown(socket.SHUT_WR)
    c.close()
s = socket.create_server(('127.0.0.1', 7), backlog=128)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
)";

UniqueFd take(Result<Stream> stream) {
  EXPECT_THAT(stream, IsOk());
  return stream.ok() ? UniqueFd(stream.value().release()) : UniqueFd();
}

// The body of the answer to a request for `path`; the whole of it where that is no 200.
std::string http_get(const UniqueFd& socket, const std::string& path) {
  if (!send_text(socket, "GET " + path + " HTTP/1.0\r\n\r\n")) return "<not sent>";
  const std::string answer = receive_all(socket);
  const std::size_t end = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200") || end == std::string::npos) return answer;
  return answer.substr(end + 4);
}

// nginx, which serves /large of ten MiB and /who; a snapshot of it while it listens.
class NginxPorts : public SnapshotDirTest {
 protected:
  static void SetUpTestSuite() {
    auto made = Nginx::create();
    if (made.ok()) {
      nginx_.emplace(std::move(made).value());
    } else {
      why_not_ = made.error().message();
    }
  }
  static void TearDownTestSuite() { nginx_.reset(); }
  void SetUp() override {
    SnapshotDirTest::SetUp();
    ASSERT_TRUE(nginx_.has_value()) << why_not_;
  }

  static Vm& source() { return nginx_->vm; }
  static const Image& image() { return nginx_->image; }

 private:
  struct Nginx {
    TempDir dir;
    Vm vm;
    Image image;

    static Result<Nginx> create() {
      TempDir dir = SM_TRY(TempDir::create());
      Vm vm = SM_TRY(start_guest({}, "nginx"));
      SM_TRY(vm.write_file("/var/www/html/large", pattern(kLarge)));
      SM_TRY(vm.write_file("/var/www/html/who", "nginx in a guest\n"));
      SM_TRY(vm.start_workload());
      SM_TRY(vm.wait_listener(80, 30s));
      Image image = SM_TRY(vm.snapshot(dir.path() + "/nginx"));
      return Nginx{std::move(dir), std::move(vm), std::move(image)};
    }
  };
  static std::optional<Nginx> nginx_;
  static std::string why_not_;
};
std::optional<NginxPorts::Nginx> NginxPorts::nginx_;
std::string NginxPorts::why_not_;

TEST_F(NginxPorts, AListenerIsBakedIn) {
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(Vm copy, image().start());
    EXPECT_EQ(http_get(take(copy.connect(80)), "/who"), "nginx in a guest\n");
    EXPECT_EQ(http_get(take(copy.connect()), "/who"), "nginx in a guest\n") << "found by itself";
    SM_ASSERT_OK_AND_ASSIGN(ExecChild child, copy.follow_workload());
    ASSERT_THAT(copy.workload_signal(SIGQUIT), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(20s));
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.stdout, ::testing::HasSubstr("GET /who")) << "its access log";
    EXPECT_THAT(copy.connect(80), Fails(Errc::kNotFound)) << "it has ended";
  }
  EXPECT_EQ(http_get(take(source().connect(80)), "/who"), "nginx in a guest\n");
}

TEST_F(NginxPorts, ListenersAreThoseOfTheWorkload) {
  SM_ASSERT_OK_AND_ASSIGN(const auto listeners, source().listeners());
  ASSERT_FALSE(listeners.empty());
  EXPECT_EQ(listeners[0].port, 80);
  EXPECT_EQ(listeners[0].address, "0.0.0.0");
  EXPECT_EQ(sh_output(source(), "cat /proc/" + std::to_string(listeners[0].pid) + "/comm"),
            "nginx");
  SM_ASSERT_OK_AND_ASSIGN(const Listener any, source().wait_listener(0, 1s));
  EXPECT_EQ(any.port, 80);
}

TEST_F(NginxPorts, AreExposedOnTheHost) {
  SM_ASSERT_OK_AND_ASSIGN(Vm copy, image().start());
  std::uint16_t port = 0;
  {
    SM_ASSERT_OK_AND_ASSIGN(const TcpForward forward, copy.expose_tcp(0, 80));
    port = forward.port();
    EXPECT_EQ(forward.address(), "127.0.0.1");
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(http_get(connect_loopback(port), "/who"), "nginx in a guest\n");
    }
    EXPECT_EQ(http_get(connect_loopback(port), "/large"), pattern(kLarge));

    const auto taken = copy.expose_tcp(port, 80);
    ASSERT_THAT(taken, Fails(Errc::kInvalidArgument));
    EXPECT_EQ(taken.error().message(),
              "cannot listen on 127.0.0.1:" + std::to_string(port) + ": another program does");
  }
  EXPECT_FALSE(connect_loopback(port)) << "closed with its owner";
  EXPECT_THAT(copy.expose_tcp("localhost", 0, 80), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(copy.expose_tcp("192.0.2.1", 0, 80), Fails(Errc::kInvalidArgument));
}

TEST_F(NginxPorts, CarryManyConnectionsAtOnce) {
  SM_ASSERT_OK_AND_ASSIGN(Vm copy, image().start());
  SM_ASSERT_OK_AND_ASSIGN(const TcpForward forward, copy.expose_tcp(0, 80));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(connect_loopback(forward.port()));
    ASSERT_TRUE(clients.back());
  }
  for (const UniqueFd& client : clients) {
    EXPECT_TRUE(send_text(client, "GET /who HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  for (auto client = clients.rbegin(); client != clients.rend(); ++client) {
    EXPECT_THAT(receive_text(*client, 100), ::testing::StartsWith("HTTP/1.1 200 OK"));
  }
  for (const UniqueFd& client : clients) {
    EXPECT_EQ(http_get(connect_loopback(forward.port()), "/who"), "nginx in a guest\n") << &client;
    break;
  }
}

TEST_F(NginxPorts, WhereNobodyListensCloseTheConnectionAtOnce) {
  SM_ASSERT_OK_AND_ASSIGN(const TcpForward forward, source().expose_tcp(0, 81));
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(receive_all(connect_loopback(forward.port())), "");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
  const auto refused = source().connect(81);
  ASSERT_THAT(refused, Fails(Errc::kNotFound));
  EXPECT_EQ(refused.error().message(), "nothing listens on port 81");
}

TEST_F(NginxPorts, CloseTheirConnectionsWhenTheVmEnds) {
  UniqueFd client;
  std::optional<TcpForward> forward;
  {
    SM_ASSERT_OK_AND_ASSIGN(Vm copy, image().start());
    SM_ASSERT_OK_AND_ASSIGN(TcpForward exposed, copy.expose_tcp(0, 80));
    client = connect_loopback(exposed.port());
    EXPECT_TRUE(send_text(client, "GET /who HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_THAT(receive_text(client, 15), ::testing::StartsWith("HTTP/1.1 200 OK"));
    forward.emplace(std::move(exposed));
  }
  EXPECT_THAT(receive_all(client), ::testing::Not(::testing::HasSubstr("(silent)")));
  EXPECT_FALSE(connect_loopback(forward->port()));
}

TEST_F(NginxPorts, OfAPooledVmEndWithItsUse) {
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image().pool().max(1).build());
  std::optional<TcpForward> forward;
  {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    SM_ASSERT_OK_AND_ASSIGN(TcpForward exposed, vm->expose_tcp(0, 80));
    EXPECT_EQ(http_get(connect_loopback(exposed.port()), "/who"), "nginx in a guest\n");
    forward.emplace(std::move(exposed));
  }
  EXPECT_FALSE(connect_loopback(forward->port()));
  SM_ASSERT_OK_AND_ASSIGN(PooledVm next, pool.acquire());
  EXPECT_FALSE(connect_loopback(forward->port())) << "it leads to nobody else's VM";
  EXPECT_EQ(http_get(take(next->connect(80)), "/who"), "nginx in a guest\n");
}

TEST_F(NginxPorts, OfTheSourceOfACaptureGoOn) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  SM_ASSERT_OK_AND_ASSIGN(const TcpForward forward, vm.expose_tcp(0, 80));
  const UniqueFd client = connect_loopback(forward.port());
  const std::string request = "GET /who HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_TRUE(send_text(client, request));
  EXPECT_THAT(receive_text(client, 15), "HTTP/1.1 200 OK");
  SM_ASSERT_OK_AND_ASSIGN(const Image again, vm.snapshot(path("again")));
  SM_ASSERT_OK_AND_ASSIGN(Vm copy, again.start());
  EXPECT_EQ(http_get(take(copy.connect(80)), "/who"), "nginx in a guest\n");
  EXPECT_TRUE(send_text(client, request));
  EXPECT_THAT(receive_text(client, 400), ::testing::HasSubstr("HTTP/1.1 200 OK"));
}

TEST(Ports, PassOnTheEndOfEachDirection) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest({}, "python"));
  ASSERT_THAT(vm.start_workload({"python3", "-c", kCounter}), IsOk());
  ASSERT_THAT(vm.wait_listener(7, 60s), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const TcpForward forward, vm.expose_tcp(0, 7));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3 << 20}}) {
    for (const bool exposed : {false, true}) {
      const UniqueFd socket = exposed ? connect_loopback(forward.port()) : take(vm.connect(7));
      ASSERT_TRUE(socket);
      EXPECT_TRUE(send_text(socket, std::string(size, 'x')));
      ASSERT_THAT(sys::shutdown(socket.get(), SHUT_WR), IsOk());
      EXPECT_EQ(receive_all(socket), std::to_string(size) + "\n" + std::string(size, 'y'));
    }
  }
}

TEST(Ports, AWorkloadThatEndsBeforeItListensSaysWhy) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest({}, "nginx"));
  ASSERT_THAT(vm.start_workload({"nginx", "-c", "/no/such/file"}), IsOk());
  const auto missed = vm.wait_listener(80, 30s);
  ASSERT_THAT(missed, Fails(Errc::kGuestFault));
  EXPECT_THAT(missed.error().message(), ::testing::HasSubstr("the workload exited with 1: "));
  EXPECT_THAT(missed.error().message(), ::testing::HasSubstr("/no/such/file"));
  EXPECT_THAT(vm.wait_listener(80, 1s), Fails(Errc::kGuestFault)) << "again, at once";
  EXPECT_THAT(vm.connect(), Fails(Errc::kNotFound));
}

}  // namespace
}  // namespace supermachine
