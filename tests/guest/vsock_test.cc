// SPDX-License-Identifier: Apache-2.0
// Other programs of the host and the guest's vsock ports, by Firecracker's convention.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/sys.h"
#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

// Reads until the other side ends the stream, or until `enough` bytes.
std::string read_from(int socket, std::size_t enough = std::string::npos) {
  std::string all;
  const Deadline deadline = deadline_in(kPatience);
  while (all.size() < enough) {
    const auto ready = sys::wait_ready(socket, POLLIN, deadline);
    if (!ready.ok() || !ready.value()) break;
    std::array<std::byte, 4096> part{};
    const auto got = sys::read(
        socket, std::span(part).first(std::min<std::size_t>(part.size(), enough - all.size())));
    if (!got.ok() || got.value() == 0) break;
    for (const std::byte byte : std::span(part).first(got.value())) all += static_cast<char>(byte);
  }
  return all;
}

std::string read_line(int socket) {
  std::string line;
  while (!line.ends_with('\n')) {
    const std::string next = read_from(socket, 1);
    if (next.empty()) break;
    line += next;
  }
  return line;
}

Status send(int socket, std::string_view text) {
  return write_all(socket, std::as_bytes(std::span(text)));
}

// One Python VM with a socket file, for both directions.
class VsockFile : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    auto dir = TempDir::create();
    if (!dir.ok()) return;
    dir_.emplace(std::move(dir).value());
    auto started = start_guest(VmConfig().with_vsock_mux_dir(dir_->path()), "python");
    if (started.ok()) {
      vm_.emplace(std::move(started).value());
    } else {
      why_not_ = started.error().message();
    }
  }
  static void TearDownTestSuite() {
    vm_.reset();
    if (dir_) {
      EXPECT_TRUE(entries_of(dir_->path()).empty());
    }
    dir_.reset();
  }

 protected:
  void SetUp() override { ASSERT_TRUE(vm_.has_value()) << why_not_; }
  static Vm& vm() { return *vm_; }

  // Runs Python in the guest and waits for its first line, which must be "up".
  static Result<ExecChild> python(const std::string& program) {
    ExecChild child = SM_TRY(vm().exec({"python3", "-c", program}));
    std::string seen;
    while (seen.find("up\n") == std::string::npos) {
      const ExecEvent event = SM_TRY(child.next(kPatience));
      if (const auto* out = std::get_if<ExecStdout>(&event)) {
        seen += out->data;
      } else if (const auto* err = std::get_if<ExecStderr>(&event)) {
        seen += err->data;
      } else {
        return Error(Errc::kGuestFault, "python ended: " + seen);
      }
    }
    return child;
  }

 private:
  static std::optional<TempDir> dir_;
  static std::optional<Vm> vm_;
  static std::string why_not_;
};

std::optional<TempDir> VsockFile::dir_;
std::optional<Vm> VsockFile::vm_;
std::string VsockFile::why_not_;

TEST_F(VsockFile, LeadsToAListenerInTheGuest) {
  SM_ASSERT_OK_AND_ASSIGN(auto child, python(R"(
import socket
server = socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, 1234))
server.listen()
print('up', flush=True)
client, (cid, port) = server.accept()
data = b''
while chunk := client.recv(4096): data += chunk
client.sendall(data[::-1] + b' from %d' % cid)
)"));
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd socket, sys::unix_connect(vm().vsock_path()));

  ASSERT_THAT(send(socket.get(), "CONNECT 1234\n"), IsOk());
  EXPECT_THAT(read_line(socket.get()), ::testing::MatchesRegex("OK [0-9]+\n"));
  ASSERT_THAT(send(socket.get(), "backwards"), IsOk());
  ASSERT_THAT(sys::shutdown(socket.get(), SHUT_WR), IsOk());

  EXPECT_EQ(read_from(socket.get()), "sdrawkcab from 2");
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(kPatience));
  EXPECT_EQ(outcome.status, 0) << outcome.stderr;
}

TEST_F(VsockFile, ClosesWhereNobodyListens) {
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd socket, sys::unix_connect(vm().vsock_path()));

  ASSERT_THAT(send(socket.get(), "CONNECT 4321\n"), IsOk());

  EXPECT_EQ(read_from(socket.get()), "");
}

TEST_F(VsockFile, TakesTheGuestToAListenerOnTheHost) {
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd listener, sys::unix_listen(vm().vsock_path() + "_77"));
  SM_ASSERT_OK_AND_ASSIGN(auto child, python(R"(
import socket
print('up', flush=True)
host = socket.socket(socket.AF_VSOCK)
host.connect((socket.VMADDR_CID_HOST, 77))
host.sendall(b'knock')
host.shutdown(socket.SHUT_WR)
print(host.recv(100).decode())
)"));

  SM_ASSERT_OK_AND_ASSIGN(const bool knocked,
                          sys::wait_ready(listener.get(), POLLIN, deadline_in(kPatience)));
  ASSERT_TRUE(knocked);
  SM_ASSERT_OK_AND_ASSIGN(auto guest, sys::accept(listener.get()));
  ASSERT_TRUE(guest.has_value());
  EXPECT_EQ(read_from(guest->get()), "knock");
  ASSERT_THAT(send(guest->get(), "come in"), IsOk());
  guest.reset();

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(kPatience));
  EXPECT_EQ(outcome.stdout, "come in\n");
  EXPECT_EQ(::unlink((vm().vsock_path() + "_77").c_str()), 0);
}

TEST_F(VsockFile, RefusesTheGuestWhereNobodyListensOnTheHost) {
  const auto outcome = vm().exec_builder()
                           .argv({"python3", "-c", R"(
import socket
try:
  socket.socket(socket.AF_VSOCK).connect((socket.VMADDR_CID_HOST, 78))
except ConnectionResetError:
  print('reset')
)"})
                           .timeout(kPatience)
                           .output();

  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome.value().stdout, "reset\n") << outcome.value().stderr;
}

// An unprivileged program of the guest must not be able to pose as its agent.
TEST_F(VsockFile, DoesNotLetAProgramRingAsTheAgent) {
  const auto outcome = vm().exec_builder()
                           .argv({"python3", "-c", R"(
import socket
for port in range(1020, 1030):
  try:
    socket.socket(socket.AF_VSOCK).connect((socket.VMADDR_CID_HOST, port))
  except OSError:
    pass
print('done')
)"})
                           .user("app")
                           .timeout(kPatience)
                           .output();
  ASSERT_THAT(outcome, IsOk());

  EXPECT_EQ(sh_output(vm(), "echo still"), "still");
}

}  // namespace
}  // namespace supermachine
