// SPDX-License-Identifier: Apache-2.0
#include "agent/spawn.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/files.h"
#include "base/sys.h"

// The child runs in our memory on a borrowed stack: instrumentation would mark it as ours.
#if defined(__clang__) || defined(__GNUC__)
#define SM_CHILD_CODE __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#endif

namespace supermachine::agent {
namespace {

// What the child needs, prepared by the parent: between clone and exec nothing may allocate.
struct Child {
  const SpawnRequest* request;
  const char* cwd;
  char* const* argv;
  char* const* env;
  const char* const* candidates;  // paths to try, ended by nullptr
  const gid_t* groups;
  std::size_t group_count;
  const sigset_t* mask;
  const int* signals;  // to be reset
  std::size_t signal_count;
  SpawnStep step;
  int error;  // 0: the program runs
};

// Raw calls: the C library's set*id() would talk to the other threads of the parent, whose memory
// this is, and its execve() and friends may be replaced by a sanitizer's.
template <typename... Args>
SM_CHILD_CODE long raw(long number, Args... args) {
  return ::syscall(number, args...);
}

SM_CHILD_CODE bool reset_signals(const Child& child) {
  struct sigaction default_action {};
  default_action.sa_handler = SIG_DFL;
  for (std::size_t i = 0; i < child.signal_count; ++i) {
    static_cast<void>(::sigaction(child.signals[i], &default_action, nullptr));
  }
  return ::sigprocmask(SIG_SETMASK, child.mask, nullptr) == 0;
}

SM_CHILD_CODE bool set_user(const Child& child) {
  const User& user = child.request->user;
  return raw(SYS_setgroups, child.group_count, child.groups) == 0 &&
         raw(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         raw(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

// As execvp(3): a candidate that may not be executed does not hide a later one that may.
SM_CHILD_CODE int try_candidates(const Child& child) {
  int verdict = ENOENT;
  for (const char* const* path = child.candidates; *path != nullptr; ++path) {
    raw(SYS_execve, *path, child.argv, child.env);
    if (errno == EACCES) {
      verdict = EACCES;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return errno;
    }
  }
  return verdict;
}

SM_CHILD_CODE int child_main(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  const SpawnRequest& request = *child.request;
  const auto fail = [&child](SpawnStep step, int error) {
    child.step = step;
    child.error = error;
    raw(SYS_exit_group, 127);
  };
  if (raw(SYS_setsid) < 0) fail(SpawnStep::kSession, errno);
  if (raw(SYS_dup2, request.in, 0) < 0 || raw(SYS_dup2, request.out, 1) < 0 ||
      raw(SYS_dup2, request.err, 2) < 0) {
    fail(SpawnStep::kStreams, errno);
  }
  if (request.tty && raw(SYS_ioctl, 0, TIOCSCTTY, 0) != 0) fail(SpawnStep::kTerminal, errno);
  // Before the user changes: root may enter a directory its user may not look at, as in Docker.
  if (raw(SYS_chdir, child.cwd) != 0) fail(SpawnStep::kDirectory, errno);
  if (!set_user(child)) fail(SpawnStep::kUser, errno);
  if (!reset_signals(child)) fail(SpawnStep::kSession, errno);
  fail(SpawnStep::kExec, try_candidates(child));
  return 127;
}

// Those whose action in this process is not the default. Asked once: who changes actions does so
// before the first spawn. (A fork of this process may do so once more.)
const std::vector<int>& changed_signals() {
  static std::vector<int> changed;
  static pid_t process = 0;
  if (process == ::getpid()) return changed;
  process = ::getpid();
  changed.clear();
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_DFL) {
      changed.push_back(signal);
    }
  }
  return changed;
}

std::vector<char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  // execve(2) takes char* for historical reasons and does not write.
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string_view path_of(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  }
  return {};
}

std::vector<std::string> candidates_for(const SpawnRequest& request) {
  const std::string& name = request.argv.front();
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> out;
  std::string_view path = path_of(request.env);
  for (;;) {
    const std::size_t colon = std::min(path.find(':'), path.size());
    const std::string_view dir = path.substr(0, colon);
    out.push_back(dir.empty() ? "./" + name : std::string(dir) + "/" + name);
    if (colon == path.size()) return out;
    path.remove_prefix(colon + 1);
  }
}

// The session number in /proc/PID/stat, or -1. The name before it may hold anything but ends at the
// last parenthesis: "1 (a) b) S ppid pgrp session ...".
pid_t session_in_stat(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return -1;
  stat.remove_prefix(name_end + 1);
  for (int field = 0; field < 4; ++field) {  // " S", " ppid", " pgrp", " session"
    const std::size_t space = stat.find(' ');
    if (space == std::string_view::npos) return -1;
    stat.remove_prefix(space + 1);
    if (field == 3) break;
  }
  pid_t session = -1;
  std::from_chars(stat.data(), stat.data() + stat.size(), session);
  return session;
}

}  // namespace

Result<Spawned> spawn(const SpawnRequest& request) {
  SM_CHECK(request.in > 2 && request.out > 2 && request.err > 2 && !request.argv.empty());
  const std::vector<std::string> paths = candidates_for(request);
  const std::vector<char*> argv = c_strings(request.argv);
  const std::vector<char*> env = c_strings(request.env);
  const std::vector<char*> candidates = c_strings(paths);
  const std::vector<int>& signals = changed_signals();

  // A signal handler of ours must not run in the child, which shares our memory.
  sigset_t everything;
  sigset_t nothing;
  sigset_t before;
  sigfillset(&everything);
  sigemptyset(&nothing);
  if (const int error = ::pthread_sigmask(SIG_SETMASK, &everything, &before); error != 0) {
    return Error::from_errno("pthread_sigmask", error);
  }
  Child child{.request = &request,
              .cwd = request.cwd.empty() ? "/" : request.cwd.c_str(),
              .argv = argv.data(),
              .env = env.data(),
              .candidates = candidates.data(),
              .groups = request.user.groups.data(),
              .group_count = request.user.groups.size(),
              .mask = &nothing,
              .signals = signals.data(),
              .signal_count = signals.size(),
              .step = SpawnStep::kExec,
              .error = 0};
  // Like vfork(2), without the compiler's trouble with a function that returns twice: we stand
  // still until the child has exec'd or is gone, so one stack serves all.
  alignas(16) static std::array<std::byte, 16384> stack;
  const pid_t pid =
      ::clone(child_main, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  const int clone_errno = errno;
  static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before, nullptr));
  if (pid < 0) return Error::from_errno("clone", clone_errno);
  // A child that failed to start is a zombie now; the reaper takes it, since nobody watches it.
  if (child.error != 0) {
    return Spawned{.pid = -1, .failed_step = child.step, .failed_errno = child.error};
  }
  return Spawned{.pid = pid};
}

ExecFailure explain_exec_failure(const SpawnRequest& request, int failed_errno) {
  const std::string& name = request.argv.front();
  const std::string who = "exec: " + (name.empty() ? std::string("\"\"") : name) + ": ";
  if (failed_errno != ENOENT && failed_errno != ENOTDIR) {
    if (failed_errno == ENOEXEC) {
      return {126, who + "not a program for this machine, nor a script that starts with #!"};
    }
    return {126, who + std::strerror(failed_errno)};
  }
  if (name.find('/') == std::string::npos) {
    return {127, who + "not found in PATH (" + std::string(path_of(request.env)) + ")"};
  }
  const std::string path =
      name.front() == '/' ? name : (request.cwd.empty() ? "/" : request.cwd + "/") + name;
  if (::access(path.c_str(), F_OK) == 0) {
    return {127, who + "its interpreter or dynamic loader is not in the image"};
  }
  return {127, who + "not found"};
}

void signal_group(pid_t leader, int signal) { static_cast<void>(::kill(-leader, signal)); }

void signal_session(pid_t leader, int signal) {
  signal_group(leader, signal);
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == leader) continue;
    const auto stat = read_file("/proc/" + std::string(name) + "/stat", 4096);
    if (stat.ok() && session_in_stat(stat.value()) == leader) ::kill(pid, signal);
  }
}

}  // namespace supermachine::agent
