// SPDX-License-Identifier: Apache-2.0
// How long QEMU takes to restore a guest of the same kernel and memory, as fast as it goes: memory
// in a file that is mapped privately, the rest from another. From its start until the guest gives
// back a word on its console.
//
//   qemu_restore_bench ROUNDS ECHO_INIT IMAGE DIRECTORY
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "rootfs/initramfs.h"
#include "supermachine/assets.h"
#include "supermachine/image.h"
#include "support/process.h"
#include "support/qemu.h"
#include "support/series.h"

namespace supermachine::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

// QEMU's machine protocol on a socket of its own: commands, each answered.
class Monitor {
 public:
  static Result<Monitor> connect(const std::string& path) {
    const Deadline deadline = deadline_in(kPatience);
    for (;;) {
      auto socket = sys::unix_connect(path);
      if (socket.ok()) {
        Monitor monitor(std::move(socket).value());
        SM_TRY(monitor.say(R"({"execute":"qmp_capabilities"})"));
        return monitor;
      }
      if (std::chrono::steady_clock::now() > deadline) return std::move(socket).error();
      std::this_thread::sleep_for(1ms);
    }
  }

  // Returns what came until the answer.
  Result<std::string> say(const std::string& command) {
    SM_TRY(send(command));
    return read_until("\"return\"");
  }

  Status send(const std::string& command) {
    return write_all(socket_.get(), std::as_bytes(std::span(command)));
  }

  Result<std::string> read_until(const std::string& word) {
    std::string text;
    std::array<char, 4096> bytes{};
    while (text.find(word) == std::string::npos) {
      if (text.find("\"error\"") != std::string::npos) return Error(Errc::kOs, "QEMU: " + text);
      if (!SM_TRY(sys::wait_ready(socket_.get(), POLLIN, deadline_in(kPatience))))
        return Error(Errc::kTimeout, "QEMU did not answer");
      const std::size_t got =
          SM_TRY(sys::read(socket_.get(), std::as_writable_bytes(std::span(bytes))));
      if (got == 0) return Error(Errc::kOs, "QEMU hung up");
      text.append(bytes.data(), got);
    }
    return text;
  }

 private:
  explicit Monitor(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

constexpr const char* kIgnoreShared =
    R"({"execute":"migrate-set-capabilities","arguments":{"capabilities":)"
    R"([{"capability":"x-ignore-shared","state":true}]}})";

struct Files {
  std::string dir;
  [[nodiscard]] std::string memory() const { return dir + "/qemu-memory"; }
  [[nodiscard]] std::string state() const { return dir + "/qemu-state"; }
  [[nodiscard]] std::string monitor() const { return dir + "/qemu-monitor"; }
  [[nodiscard]] std::string console() const { return dir + "/qemu-console"; }
};

std::vector<std::string> command(const QemuGuest& guest, const Files& files, bool restore) {
  std::vector<std::string> words = qemu_command(guest);
  for (std::string& word : words) {
    if (word == "256") word = "128";
    if (word == "stdio") word = "unix:" + files.console() + ",server=on,wait=off";
    if (word.starts_with("microvm,")) word += ",memory-backend=memory";
  }
  for (const std::string& word :
       {std::string("-object"),
        "memory-backend-file,id=memory,size=128M,mem-path=" + files.memory() +
            (restore ? ",share=off" : ",share=on"),
        std::string("-qmp"), "unix:" + files.monitor() + ",server=on,wait=off"}) {
    words.push_back(word);
  }
  if (!restore) return words;
  // What the kernel's files hold is in the memory already: it need not read them.
  for (const char* option : {"-kernel", "-initrd", "-append"}) {
    const auto at = std::find(words.begin(), words.end(), option);
    words.erase(at, at + 2);
  }
  words.insert(words.end(), {"-incoming", "defer"});
  return words;
}

Result<UniqueFd> connect_console(const Files& files) {
  const Deadline deadline = deadline_in(kPatience);
  for (;;) {
    auto socket = sys::unix_connect(files.console());
    if (socket.ok() || std::chrono::steady_clock::now() > deadline) return socket;
    std::this_thread::sleep_for(1ms);
  }
}

Status await(int console, const std::string& word) {
  std::string text;
  std::array<char, 256> bytes{};
  while (text.find(word) == std::string::npos) {
    if (!SM_TRY(sys::wait_ready(console, POLLIN, deadline_in(kPatience))))
      return Error(Errc::kTimeout, "QEMU's guest said \"" + text + "\"");
    const std::size_t got = SM_TRY(sys::read(console, std::as_writable_bytes(std::span(bytes))));
    if (got == 0) return Error(Errc::kGuestFault, "QEMU ended");
    text.append(bytes.data(), got);
  }
  return {};
}

Status save(const QemuGuest& guest, const Files& files) {
  Program qemu = SM_TRY(Program::start(command(guest, files, false)));
  const UniqueFd console = SM_TRY(connect_console(files));
  SM_TRY(await(console.get(), "init-is-up"));
  Monitor monitor = SM_TRY(Monitor::connect(files.monitor()));
  SM_TRY(monitor.say(kIgnoreShared));
  // Without a "stop" before: the state says whether the guest ran, and one that did not stands
  // still after its restore, whatever "cont" it gets meanwhile.
  SM_TRY(monitor.say(R"({"execute":"migrate","arguments":{"uri":"exec:cat > )" + files.state() +
                     "\"}}"));
  for (;;) {
    const std::string answer = SM_TRY(monitor.say(R"({"execute":"query-migrate"})"));
    if (answer.find("completed") != std::string::npos) break;
    if (answer.find("failed") != std::string::npos) return Error(Errc::kOs, "QEMU: " + answer);
    std::this_thread::sleep_for(5ms);
  }
  SM_TRY(monitor.say(R"({"execute":"quit"})"));
  return {};
}

Result<double> restore(const QemuGuest& guest, const Files& files) {
  const UniqueFd state = SM_TRY(sys::open(files.state(), O_RDONLY));
  Program qemu = SM_TRY(Program::start(command(guest, files, true), state.get()));
  const UniqueFd console = SM_TRY(connect_console(files));
  Monitor monitor = SM_TRY(Monitor::connect(files.monitor()));
  SM_TRY(monitor.say(kIgnoreShared));
  // From its standard input, which spares it a shell and a cat.
  SM_TRY(monitor.send(R"({"execute":"migrate-incoming","arguments":{"uri":"fd:0"}})"));
  SM_TRY(monitor.read_until("\"RESUME\""));
  const std::string word = "a word\n";
  SM_TRY(write_all(console.get(), std::as_bytes(std::span(word))));
  SM_TRY(await(console.get(), "a word"));
  return std::chrono::duration<double, std::milli>(Clock::now() - qemu.started()).count();
}

Status measure(std::size_t rounds, const std::string& init_path, const std::string& reference,
               const std::string& dir) {
  const Image image = SM_TRY(Image::from_oci(reference));
  const std::string init = SM_TRY(read_file(init_path, 16 << 20));
  const rootfs::InitramfsFile file{
      .path = "init", .mode = 0755, .bytes = std::as_bytes(std::span(init))};
  const std::vector<std::byte> initramfs = SM_TRY(rootfs::make_initramfs(std::span(&file, 1)));
  AtomicFile out = SM_TRY(AtomicFile::create(dir + "/qemu-initramfs"));
  SM_TRY(write_all(out.fd(), initramfs));
  SM_TRY(out.commit());
  const QemuGuest guest{.kernel = SM_TRY(AssetPaths::discover()).kernel,
                        .initramfs = dir + "/qemu-initramfs",
                        .root_image = image.rootfs_path()};
  const Files files{dir};
  SM_TRY(save(guest, files));
  Series qemu;
  for (std::size_t round = 0; round < rounds; ++round) qemu.add(SM_TRY(restore(guest, files)));
  print_header("ms");
  print_line("QEMU restore: start to first echo", qemu, qemu);
  return {};
}

}  // namespace
}  // namespace supermachine::bench

int main(int argc, char** argv) {
  using namespace supermachine;
  if (argc != 5) return 2;
  const Status done =
      bench::measure(static_cast<std::size_t>(std::atoi(argv[1])), argv[2], argv[3], argv[4]);
  if (!done.ok()) std::fprintf(stderr, "qemu_restore_bench: %s\n", done.error().message().c_str());
  return done.ok() ? 0 : 1;
}
