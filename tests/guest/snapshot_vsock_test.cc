// SPDX-License-Identifier: Apache-2.0
// The guest's vsock across a capture: listeners go on everywhere, connections in the source only.
#include <poll.h>

#include <array>
#include <filesystem>
#include <thread>

#include "base/sys.h"
#include "snapshot_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// Echoes on port 1234, and keeps a connection to the host's port 77. Says in files what became of
// them.
constexpr std::string_view kServer = R"(
import socket, threading
def note(text):
  with open('/tmp/events', 'a') as events: print(text, file=events)
def serve(client):
  try:
    while data := client.recv(4096): client.sendall(data)
    note('echo: end')
  except OSError as error: note(f'echo: {type(error).__name__}')
def call():
  host = socket.socket(socket.AF_VSOCK)
  host.connect((socket.VMADDR_CID_HOST, 77))
  host.sendall(b'hello')
  try:
    while data := host.recv(4096): host.sendall(data)
    note('call: end')
  except OSError as error: note(f'call: {type(error).__name__}')
server = socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, 1234))
server.listen()
note('up')
threading.Thread(target=call).start()
while True: threading.Thread(target=serve, args=(server.accept()[0],)).start()
)";

// Exactly so many bytes, or fewer when the stream ends or nothing comes for long.
std::string read_from(int socket, std::size_t count) {
  std::string all;
  const Deadline deadline = deadline_in(20s);
  while (all.size() < count) {
    const auto ready = sys::wait_ready(socket, POLLIN, deadline);
    if (!ready.ok() || !ready.value()) break;
    std::array<std::byte, 256> part{};
    const auto got = sys::read(
        socket, std::span(part).first(std::min<std::size_t>(part.size(), count - all.size())));
    if (!got.ok() || got.value() == 0) break;
    for (const std::byte byte : std::span(part).first(got.value())) all += static_cast<char>(byte);
  }
  return all;
}

std::string echoed(int socket, std::string_view text) {
  if (!write_all(socket, std::as_bytes(std::span(text))).ok()) return {};
  return read_from(socket, text.size());
}

// A connection to the guest's port 1234.
Result<UniqueFd> connect_to_echo(const Vm& vm) {
  UniqueFd socket = SM_TRY(sys::unix_connect(vm.vsock_path()));
  const std::string_view request = "CONNECT 1234\n";
  SM_TRY(write_all(socket.get(), std::as_bytes(std::span(request))));
  std::string line;
  while (!line.ends_with('\n')) {
    const std::string next = read_from(socket.get(), 1);
    if (next.empty()) return Error(Errc::kGuestFault, "no answer but \"" + line + "\"");
    line += next;
  }
  return socket;
}

class SnapshotVsock : public SnapshotDirTest {
 protected:
  void SetUp() override {
    SnapshotDirTest::SetUp();
    SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest(config(), "python"));
    source_.emplace(std::move(vm));
    SM_ASSERT_OK_AND_ASSIGN(listener_, sys::unix_listen(source_->vsock_path() + "_77"));
    ASSERT_THAT(source_->write_file("/tmp/server.py", kServer), IsOk());
    sh_output(*source_, "python3 /tmp/server.py > /dev/null 2>&1 &");
    SM_ASSERT_OK_AND_ASSIGN(const bool called,
                            sys::wait_ready(listener_.get(), POLLIN, deadline_in(20s)));
    ASSERT_TRUE(called);
    SM_ASSERT_OK_AND_ASSIGN(auto call, sys::accept(listener_.get()));
    ASSERT_TRUE(call.has_value());
    call_ = *std::move(call);
    ASSERT_EQ(read_from(call_.get(), 5), "hello");
    SM_ASSERT_OK_AND_ASSIGN(echo_, connect_to_echo(*source_));
    ASSERT_EQ(echoed(echo_.get(), "before"), "before");
  }
  void TearDown() override {
    if (source_) std::filesystem::remove(source_->vsock_path() + "_77");
  }

  [[nodiscard]] VmConfig config() const {
    return VmConfig().with_memory_mib(192).with_vsock_mux_dir(dir_->path());
  }

  // What a guest noted of its connections once it noted so many lines.
  static std::string events_of(const Vm& vm, int lines) {
    const std::string count = std::to_string(lines);
    return sh_output(vm, "for i in $(seq 500); do [ $(wc -l < /tmp/events) -ge " + count +
                             " ] && break; sleep 0.02; done; sort /tmp/events | tr '\\n' ','");
  }

  std::optional<Vm> source_;
  UniqueFd listener_;
  UniqueFd call_;  // the guest's connection to us
  UniqueFd echo_;  // ours to the guest
};

TEST_F(SnapshotVsock, ConnectionsGoOnInTheSourceAndAreResetInTheCopies) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image, source_->snapshot(path("open")));
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, image.start(config()));
    EXPECT_NE(copy.vsock_path(), source_->vsock_path());
    // What a program reads after a reset of vsock, as Linux has it, is the end.
    EXPECT_EQ(events_of(copy, 3), "call: end,echo: end,up,");
    SM_ASSERT_OK_AND_ASSIGN(const UniqueFd socket, connect_to_echo(copy));
    EXPECT_EQ(echoed(socket.get(), "new"), "new") << "its listener goes on";
  }

  EXPECT_EQ(echoed(echo_.get(), "after"), "after");
  EXPECT_EQ(echoed(call_.get(), "called"), "called");
  EXPECT_EQ(events_of(*source_, 1), "up,");
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd socket, connect_to_echo(*source_));
  EXPECT_EQ(echoed(socket.get(), "new"), "new");
}

TEST_F(SnapshotVsock, StreamIsWholeAcrossCaptures) {
  SM_ASSERT_OK_AND_ASSIGN(const Image first, source_->snapshot(path("0")));
  for (int i = 0; i < 4; ++i) {
    const std::string text(100'000, static_cast<char>('a' + i));
    std::string back;
    std::thread reader([&] { back = read_from(echo_.get(), text.size()); });
    EXPECT_THAT(write_all(echo_.get(), std::as_bytes(std::span(text))), IsOk());
    EXPECT_THAT(source_->snapshot(path("again"), {.rehearse = false}), IsOk()) << i;
    reader.join();
    EXPECT_TRUE(back == text) << i << ": " << back.size() << " bytes came back";
  }
}

TEST_F(SnapshotVsock, SocketsOfManyCopiesDoNotCollide) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image, source_->snapshot(path("open")));
  std::vector<Vm> copies;
  for (int i = 0; i < 5; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(Vm copy, image.start(config()));
    sh_output(copy, "echo " + std::to_string(i) + " > /tmp/number");
    copies.push_back(std::move(copy));
  }
  std::vector<UniqueFd> sockets;
  for (const Vm& copy : copies) {
    SM_ASSERT_OK_AND_ASSIGN(UniqueFd socket, connect_to_echo(copy));
    sockets.push_back(std::move(socket));
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    EXPECT_EQ(echoed(sockets[i].get(), "to " + std::to_string(i)), "to " + std::to_string(i));
  }
  // One that ends takes no other along.
  copies.pop_back();
  EXPECT_EQ(read_from(sockets.back().get(), 1), "");
  EXPECT_EQ(echoed(sockets.front().get(), "still"), "still");
}

}  // namespace
}  // namespace supermachine
