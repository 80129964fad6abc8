// SPDX-License-Identifier: Apache-2.0
#include "agent/init.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string_view>

#include "base/deadline.h"
#include "base/files.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRootDeadline{5000};
constexpr milliseconds kRootRetry{1};

struct Mount {
  const char* source;
  const char* target;
  const char* type;
  unsigned long flags;
  const char* options;
  bool required;
};

constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;

constexpr Mount kGuestMounts[] = {
    {"proc", "/proc", "proc", kHarmless, nullptr, true},
    {"sysfs", "/sys", "sysfs", kHarmless, nullptr, true},
    {"cgroup2", "/sys/fs/cgroup", "cgroup2", kHarmless, nullptr, false},
    {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755", true},
    {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666", true},
    {"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true},
    {"mqueue", "/dev/mqueue", "mqueue", kHarmless, nullptr, false},
};

Status mount_at(const Mount& mount) {
  if (::mount(mount.source, mount.target, mount.type, mount.flags, mount.options) == 0) return {};
  return Error::from_errno(std::string("mount ") + mount.source + " at " + mount.target);
}

// The image may have anything at `path`; what we mount needs a directory there.
Status ensure_directory(const char* path) {
  struct stat info {};
  if (::lstat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    if (::unlink(path) != 0) return Error::from_errno(std::string("replace ") + path);
  }
  if (::mkdir(path, 0755) != 0) return Error::from_errno(std::string("mkdir ") + path);
  return {};
}

// The initramfs may have no device nodes, and then the kernel started us without descriptors.
Status open_console() {
  UniqueFd console;
  if (auto opened = sys::open("/dev/console", O_RDWR | O_NOCTTY); opened.ok()) {
    console = std::move(opened).value();
  } else {
    console = SM_TRY(sys::open("/dev/null", O_RDWR));
  }
  for (int fd = 0; fd <= 2; ++fd) {
    if (fd != console.get() && ::dup2(console.get(), fd) < 0) return Error::from_errno("dup2");
  }
  if (console.get() > 2) return {};
  const int fd = console.release();  // it is one of the three, which stay open over exec
  if (::fcntl(fd, F_SETFD, 0) != 0) return Error::from_errno("fcntl");
  return {};
}

// A driver may still be looking for its device when we start. Asks for the name before it mounts,
// since the kernel logs every mount that fails.
Status wait_for_device(const std::string& device) {
  const Deadline deadline = deadline_in(kRootDeadline);
  while (::access(device.c_str(), F_OK) != 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error(Errc::kNotFound, "root device " + device + " did not appear");
    }
    const timespec pause{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kRootRetry).count()};
    ::nanosleep(&pause, nullptr);
  }
  return {};
}

// The image read-only below, memory above, joined and made the root of this process and its heirs.
Status switch_root(const std::string& device) {
  for (const char* dir : {"/lower", "/upper", "/root"}) SM_TRY(ensure_directory(dir));
  SM_TRY(wait_for_device(device));
  SM_TRY(mount_at({device.c_str(), "/lower", "squashfs", MS_RDONLY | MS_NODEV, nullptr, true}));
  SM_TRY(mount_at({"tmpfs", "/upper", "tmpfs", 0, "mode=0755", true}));
  for (const char* dir : {"/upper/data", "/upper/work"}) SM_TRY(ensure_directory(dir));
  SM_TRY(mount_at({"overlay", "/root", "overlay", 0,
                   "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work", true}));
  if (::chdir("/root") != 0) return Error::from_errno("chdir to the new root");
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0)
    return Error::from_errno("move the new root");
  if (::chroot(".") != 0) return Error::from_errno("chroot");
  if (::chdir("/") != 0) return Error::from_errno("chdir /");
  return {};
}

bool is_empty_directory(const char* path) {
  // rmdir is the shortest question; the directory is made again right after.
  return ::rmdir(path) == 0 || errno == ENOENT;
}

// An image may ship files in /tmp, which a mount would hide.
Status set_up_tmp() {
  if (!is_empty_directory("/tmp")) return {};
  SM_TRY(ensure_directory("/tmp"));
  return mount_at({"tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true});
}

Status make_links() {
  constexpr std::array<std::array<const char*, 2>, 4> kLinks{{
      {"/proc/self/fd", "/dev/fd"},
      {"/proc/self/fd/0", "/dev/stdin"},
      {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"},
  }};
  for (const auto& [target, link] : kLinks) {
    if (::symlink(target, link) != 0 && errno != EEXIST) {
      return Error::from_errno(std::string("symlink ") + link);
    }
  }
  return {};
}

// Images are built to have these bind-mounted over by their runtime: absent or empty as a rule.
Status write_unless_filled(const char* path, const std::string& content) {
  struct stat info {};
  if (::lstat(path, &info) == 0 && (!S_ISREG(info.st_mode) || info.st_size != 0)) return {};
  const UniqueFd fd = SM_TRY(sys::open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  return write_all(fd.get(), std::as_bytes(std::span(content)));
}

Status set_names(const std::string& hostname) {
  if (::sethostname(hostname.c_str(), hostname.size()) != 0)
    return Error::from_errno("sethostname");
  SM_TRY(ensure_directory("/etc"));
  SM_TRY(write_unless_filled("/etc/hostname", hostname + "\n"));
  SM_TRY(write_unless_filled(
      "/etc/hosts",
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t" + hostname + "\n"));
  return write_unless_filled("/etc/resolv.conf", "");
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

// As container runtimes have it: servers of an image run as its user and bind port 80.
void set_kernel_parameters() {
  auto fd = sys::open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY);
  if (fd.ok())
    static_cast<void>(write_all(fd.value().get(), std::as_bytes(std::span("0", 1))).ok());
}

Status set_limits() {
  const rlimit files{.rlim_cur = 65536, .rlim_max = 1048576};
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return Error::from_errno("setrlimit");
  const rlimit no_core{.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return Error::from_errno("setrlimit");
  ::umask(022);
  return {};
}

}  // namespace

BootParameters parse_boot_parameters(const std::string& command_line) {
  BootParameters out;
  std::string_view rest = command_line;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    constexpr std::string_view kRoot = "sm.root=";
    constexpr std::string_view kHostname = "sm.hostname=";
    if (word.starts_with(kRoot)) out.root_device = word.substr(kRoot.size());
    if (word.starts_with(kHostname) && word.size() > kHostname.size()) {
      out.hostname = word.substr(kHostname.size(), 64);
    }
  }
  return out;
}

Status set_up_guest() {
  // Device nodes and the command line are needed before the root that will have them for good.
  SM_TRY(ensure_directory("/dev"));
  SM_TRY(ensure_directory("/proc"));
  SM_TRY(mount_at({"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755", true}));
  SM_TRY(open_console());
  SM_TRY(mount_at({"proc", "/proc", "proc", kHarmless, nullptr, true}));
  const BootParameters parameters =
      parse_boot_parameters(SM_TRY(read_file("/proc/cmdline", 65536)));
  if (parameters.root_device.empty()) {
    return Error(Errc::kInvalidArgument, "the kernel command line has no sm.root=");
  }
  SM_TRY(switch_root(parameters.root_device));
  for (const Mount& mount : kGuestMounts) {
    // Directories below a mount point of sysfs exist or cannot be made.
    if (std::string_view(mount.target) != "/sys/fs/cgroup") SM_TRY(ensure_directory(mount.target));
    if (auto mounted = mount_at(mount); !mounted.ok() && mount.required) return mounted;
  }
  SM_TRY(set_up_tmp());
  SM_TRY(make_links());
  SM_TRY(set_names(parameters.hostname));
  SM_TRY(raise_loopback());
  set_kernel_parameters();
  return set_limits();
}

void enter(PowerState state) {
  ::sync();
  const unsigned how = state == PowerState::kRestart ? RB_AUTOBOOT
                       : state == PowerState::kHalt  ? RB_HALT_SYSTEM
                                                     : RB_POWER_OFF;
  static_cast<void>(::reboot(static_cast<int>(how)));  // fails only outside a guest
}

void give_up(const Error& error) {
  const std::string line = "supermachine-agent: " + error.message() + "\n";
  static_cast<void>(write_all(2, std::as_bytes(std::span(line))).ok());
  enter(PowerState::kRestart);
  ::_exit(1);  // not PID 1 of a machine, or not allowed to restart it
}

}  // namespace supermachine::agent
