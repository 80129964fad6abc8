// SPDX-License-Identifier: Apache-2.0
#include "cli/console.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace supermachine::cli {
namespace {

constexpr int kPipeSize = 1 << 20;  // a whole boot, should the reader be late

// What cannot be written is lost: it is a log, and the VM must not wait for it.
void write_all(int fd, const char* data, std::size_t size) {
  while (size != 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

void carry(int from, bool to_stderr, int log) {
  std::array<char, 8192> buffer{};
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    if (to_stderr) write_all(STDERR_FILENO, buffer.data(), static_cast<std::size_t>(got));
    if (log >= 0) write_all(log, buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<ConsoleRelay> ConsoleRelay::start(bool to_stderr, const std::string& log_path) {
  constexpr mode_t kLogMode = 0644;
  Fd log;
  if (!log_path.empty()) {
    log = Fd(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kLogMode));
    if (log.get() < 0) return Error::from_errno("--console-log " + log_path);
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  ::fcntl(writer.get(), F_SETPIPE_SZ, kPipeSize);  // smaller works too
  if (::fcntl(writer.get(), F_SETFL, O_NONBLOCK) != 0) return Error::from_errno("fcntl");
  std::thread thread([reader = std::move(reader), log = std::move(log), to_stderr] {
    carry(reader.get(), to_stderr, log.get());
  });
  return ConsoleRelay(std::move(writer), std::move(thread));
}

ConsoleRelay::~ConsoleRelay() {
  writer_.reset();
  if (thread_.joinable()) thread_.join();
}

}  // namespace supermachine::cli
