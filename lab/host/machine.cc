// SPDX-License-Identifier: Apache-2.0
#include "host/machine.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace supermachine::lab {
namespace {

constexpr const char* kEmulator = "qemu-system-x86_64";
constexpr int kLinkFd = 3;
constexpr int kLogFd = 4;

// The kernel reads its command line up to the next blank.
Status check_path(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) return Error::from_errno(what + " " + path);
  if (path.find_first_of(" \t\n\"") == std::string::npos) return {};
  return Error(Errc::kInvalidArgument, what + " " + path + ": blanks in the path don't work here");
}

Result<std::string> find_emulator() {
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "" : variable;
  while (!path.empty()) {
    const std::string_view dir = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), dir.size() + 1));
    std::string candidate = std::string(dir) + "/" + kEmulator;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Error(Errc::kNotFound,
               std::string(kEmulator) + " is missing: apt-get install qemu-system-x86");
}

std::string kernel_arguments(const MachineConfig& config) {
  return "console=ttyS0 quiet reboot=t panic=-1 kvm_amd.vgif=0 kvm_amd.vls=0 tsc_early_khz=2600000 "
         "tsc=reliable no_timer_check lpj=13000000 root=root9p rootfstype=9p "
         "rootflags=trans=virtio,version=9p2000.L,msize=1048576,cache=" +
         std::string(config.strict_cache ? "mmap" : "loose") + " rw init=" + config.init;
}

std::vector<std::string> arguments_for(const std::string& emulator, const MachineConfig& config) {
  // clang-format off
  return {emulator,
          "-M", "microvm,accel=tcg,rtc=on,acpi=off,auto-kernel-cmdline=on",
          "-cpu", "EPYC,+svm,+npt",
          "-smp", std::to_string(config.cpus),
          "-m", std::to_string(config.memory_mib),
          "-kernel", config.kernel,
          "-append", kernel_arguments(config),
          "-name", "supermachine-lab",
          "-nodefaults", "-no-user-config", "-no-reboot",
          "-display", "none", "-monitor", "none",
          "-chardev", "socket,id=log,fd=" + std::to_string(kLogFd),
          "-serial", "chardev:log",
          "-fsdev", "local,id=root,path=/,security_model=none,multidevs=remap",
          "-device", "virtio-9p-device,fsdev=root,mount_tag=root9p",
          "-object", "rng-random,id=rng,filename=/dev/urandom",
          "-device", "virtio-rng-device,rng=rng",
          "-chardev", "socket,id=link,fd=" + std::to_string(kLinkFd),
          "-device", "virtio-serial-device",
          "-device", "virtserialport,chardev=link,name=supermachine.lab"};
  // clang-format on
}

// Between fork and exec, maybe of a process with threads: nothing here may allocate.
[[noreturn]] void become(const char* program, char* const* argv, int link, int log, pid_t parent) {
  sigset_t nothing;
  sigemptyset(&nothing);
  ::sigprocmask(SIG_SETMASK, &nothing, nullptr);
  ::setsid();  // Ctrl-C at the caller's terminal is for the command, not for the machine
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const int null = ::open("/dev/null", O_RDWR);
  const int safe_link = ::fcntl(link, F_DUPFD, 10);  // neither number may be taken by the other
  const int safe_log = ::fcntl(log, F_DUPFD, 10);
  if (::dup2(null, 0) < 0 || ::dup2(null, 1) < 0 || ::dup2(safe_log, 2) < 0 ||
      ::dup2(safe_link, kLinkFd) < 0 || ::dup2(safe_log, kLogFd) < 0) {
    ::_exit(1);
  }
  // What our caller left open isn't the machine's: a lock or a pipe must not outlive the caller.
  ::syscall(SYS_close_range, kLogFd + 1, ~0U, 0);
  ::execv(program, argv);
  constexpr std::string_view kFailed = "the emulator cannot be executed\n";
  static_cast<void>(!::write(2, kFailed.data(), kFailed.size()));
  ::_exit(1);
}

}  // namespace

Result<Machine> Machine::start(const MachineConfig& config, UniqueFd link, UniqueFd log) {
  SM_TRY(check_path("kernel", config.kernel));
  SM_TRY(check_path("init", config.init));
  const std::string emulator = SM_TRY(find_emulator());
  std::vector<std::string> arguments = arguments_for(emulator, config);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(emulator.c_str(), argv.data(), link.get(), log.get(), parent);
  if (pid < 0) return Error::from_errno("fork");
  Machine machine(pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (!machine.pidfd_) return Error::from_errno("pidfd_open");
  return machine;
}

Machine::~Machine() {
  if (pid_ <= 0) return;
  kill();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Machine::kill() { ::kill(pid_, SIGKILL); }

}  // namespace supermachine::lab
