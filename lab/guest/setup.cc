// SPDX-License-Identifier: Apache-2.0
#include "guest/setup.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::lab {
namespace {

constexpr const char* kPortName = "supermachine.lab";
constexpr std::chrono::milliseconds kPortRetry{2};
constexpr std::chrono::milliseconds kDyingTime{20};

void pause_for(std::chrono::milliseconds time) {
  const timespec pause{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(time).count()};
  ::nanosleep(&pause, nullptr);
}

struct Mount {
  const char* type;
  const char* target;
  const char* options;
  bool required;
};

// /tmp stays the machine's: commands are told of files there. What wants memory below it, as big
// files to be mapped do, finds TMPDIR pointing to /dev/shm/tmp.
constexpr Mount kMounts[] = {
    {"proc", "/proc", nullptr, true},
    {"sysfs", "/sys", nullptr, true},
    {"devtmpfs", "/dev", "mode=0755", true},
    {"devpts", "/dev/pts", "gid=5,mode=0620,ptmxmode=0666", true},
    {"tmpfs", "/dev/shm", "mode=1777,size=80%", true},
    {"mqueue", "/dev/mqueue", nullptr, false},
    {"tmpfs", "/run", "mode=0755", true},
    {"cgroup2", "/sys/fs/cgroup", nullptr, false},
    {"debugfs", "/sys/kernel/debug", nullptr, false},
};

Status make_mounts() {
  for (const Mount& mount : kMounts) {
    // Directories below /dev are made in the memory just mounted there; the others exist.
    static_cast<void>(::mkdir(mount.target, 0755));
    if (::mount(mount.type, mount.target, mount.type, 0, mount.options) != 0 && mount.required) {
      return Error::from_errno(std::string("mount ") + mount.target);
    }
  }
  if (::mkdir("/dev/shm/tmp", 01777) != 0 || ::chmod("/dev/shm/tmp", 01777) != 0) {
    return Error::from_errno("mkdir /dev/shm/tmp");
  }
  return {};
}

Status make_links() {
  constexpr const char* kLinks[][2] = {{"/proc/self/fd", "/dev/fd"},
                                       {"/proc/self/fd/0", "/dev/stdin"},
                                       {"/proc/self/fd/1", "/dev/stdout"},
                                       {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& [target, link] : kLinks) {
    if (::symlink(target, link) != 0) return Error::from_errno(std::string("symlink ") + link);
  }
  return {};
}

Status open_console() {
  UniqueFd console = SM_TRY(sys::open("/dev/console", O_RDWR | O_NOCTTY));
  for (int fd = 0; fd <= 2; ++fd) {
    if (fd != console.get() && ::dup2(console.get(), fd) < 0) return Error::from_errno("dup2");
  }
  if (console.get() <= 2)
    return ::fcntl(console.release(), F_SETFD, 0) == 0 ? Status()
                                                       : Status(Error::from_errno("fcntl"));
  return {};
}

Status raise_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno("socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  SM_TRY(sys::ioctl(socket.get(), SIOCSIFFLAGS, "SIOCSIFFLAGS", &request));
  return {};
}

// The device node of the port of our name, or "" while the driver hasn't seen it yet.
std::string find_port() {
  constexpr const char* kPorts = "/sys/class/virtio-ports";
  const std::unique_ptr<DIR, int (*)(DIR*)> ports(::opendir(kPorts), ::closedir);
  if (!ports) return {};
  while (const dirent* entry = ::readdir(ports.get())) {
    if (entry->d_name[0] == '.') continue;
    const auto name = read_file(std::string(kPorts) + "/" + entry->d_name + "/name", 256);
    if (!name.ok() || !name.value().starts_with(kPortName)) continue;
    return std::string("/dev/") + entry->d_name;
  }
  return {};
}

// A port whose other end isn't connected reports a hang-up.
bool is_connected(int port) {
  pollfd ready{.fd = port, .events = POLLOUT, .revents = 0};
  return ::poll(&ready, 1, 0) >= 0 && (ready.revents & POLLHUP) == 0;
}

void tell_drop_caches(std::string_view what) {
  auto fd = sys::open("/proc/sys/vm/drop_caches", O_WRONLY);
  if (fd.ok()) static_cast<void>(sys::write(fd.value().get(), std::as_bytes(std::span(what))).ok());
}

}  // namespace

Status set_up_lab() {
  ::umask(0);
  SM_TRY(make_mounts());
  SM_TRY(make_links());
  SM_TRY(open_console());
  SM_TRY(raise_loopback());
  constexpr std::string_view kHostname = "supermachine-lab";
  if (::sethostname(kHostname.data(), kHostname.size()) != 0) {
    return Error::from_errno("sethostname");
  }
  const rlimit files{.rlim_cur = 65536, .rlim_max = 1048576};
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return Error::from_errno("setrlimit");
  ::umask(022);
  tell_drop_caches("4\n");  // from now on without a line in the log each time
  return {};
}

Result<UniqueFd> open_command_channel(Deadline deadline) {
  for (;;) {
    const std::string path = find_port();
    if (!path.empty()) {
      UniqueFd port = SM_TRY(sys::open(path, O_RDWR | O_NONBLOCK));
      if (is_connected(port.get())) return port;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error(Errc::kTimeout, "no command channel; is this a lab?");
    }
    pause_for(kPortRetry);
  }
}

void drop_caches() { tell_drop_caches("3\n"); }

void end_leftovers() {
  if (::kill(-1, SIGKILL) != 0) return;  // there is none
  pause_for(kDyingTime);
}

void end_lab() {
  ::sync();
  ::reboot(RB_AUTOBOOT);
  ::_exit(1);  // only where restarting is not allowed
}

}  // namespace supermachine::lab
