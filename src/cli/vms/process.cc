// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>

#include "cli/vms/file.h"

namespace supermachine::cli {

std::optional<std::int64_t> process_start(std::int64_t pid) {
  const auto stat = read_small_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat.ok()) return std::nullopt;
  // The name before it may hold anything, also ')'. Field 22; the first behind ')' is the third.
  std::string_view rest = stat.value();
  const std::size_t name_end = rest.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(name_end + 2);
  for (int field = 3; field < 22; ++field) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  std::int64_t start = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), start);
  if (error != std::errc()) return std::nullopt;
  return start;
}

Result<std::optional<VmProcess>> VmProcess::open(std::int64_t pid, std::int64_t start) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  if (fd.get() < 0 && errno == ESRCH) return std::optional<VmProcess>();
  if (fd.get() < 0) return Error::from_errno("pidfd_open");
  // Asked after the fd was made: what it names now is what has that id.
  if (process_start(pid) != start) return std::optional<VmProcess>();
  return std::optional(VmProcess(std::move(fd)));
}

Status VmProcess::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0) == 0 || errno == ESRCH) {
    return {};
  }
  return Error::from_errno("pidfd_send_signal");
}

Result<bool> VmProcess::wait(std::optional<std::chrono::milliseconds> timeout) const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + timeout.value_or(std::chrono::hours(24));
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const auto limit = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 1 << 30);
    pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, timeout ? static_cast<int>(limit) : -1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Error::from_errno("poll");
    if (timeout && limit == 0) return false;
  }
}

}  // namespace supermachine::cli
