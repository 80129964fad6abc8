// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/detach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "cli/fd.h"
#include "cli/open_files.h"
#include "cli/vms/file.h"

namespace supermachine::cli {
namespace {

struct Pipe {
  Fd reader;
  Fd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// What is said on these is in run_detached.cc.
struct Child {
  pid_t pid = -1;
  Fd in;
  Fd out;
  Fd err;
};

// A session of its own: neither our terminal's end nor its Ctrl-C concerns it.
Result<Child> spawn(std::vector<std::string> argv) {
  Pipe in = SM_TRY(make_pipe());
  Pipe out = SM_TRY(make_pipe());
  Pipe err = SM_TRY(make_pipe());
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = ::posix_spawn_file_actions_init(&actions);
  if (rc != 0) return Error::from_errno("posix_spawn", rc);
  rc = ::posix_spawnattr_init(&attributes);
  SM_CHECK(rc == 0);  // see posix_spawnattr_init(3): it only fills in the structure
  ::posix_spawn_file_actions_adddup2(&actions, in.reader.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.writer.get(), STDERR_FILENO);
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  Child child;
  {
    const CallersOpenFiles callers_limit;
    rc = ::posix_spawn(&child.pid, words[0], &actions, &attributes, words.data(), environ);
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (rc != 0) return Error::from_errno(argv[0], rc);
  child.in = std::move(in.writer);
  child.out = std::move(out.reader);
  child.err = std::move(err.reader);
  return child;
}

// Appends what there is to read; false at the end.
bool read_some(const Fd& fd, std::string& to) {
  std::array<char, 4096> chunk;
  const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
  if (got > 0) to.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

// The line by which it says that its VM runs; nullopt when it ends without. Passes on what it says
// to people. A signal ends us: the child then finds nobody there, and ends.
Result<std::optional<std::string>> wait_for_id(Child& child) {
  std::string said;
  bool out_open = true;
  bool err_open = true;
  while (out_open || err_open) {
    std::array<pollfd, 2> fds{
        {{.fd = out_open ? child.out.get() : -1, .events = POLLIN, .revents = 0},
         {.fd = err_open ? child.err.get() : -1, .events = POLLIN, .revents = 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return Error::from_errno("poll");
    if (fds[1].revents != 0) {
      std::string message;
      err_open = read_some(child.err, message);
      // Our own standard error may be closed.
      static_cast<void>(write_fully(STDERR_FILENO, message).ok());
    }
    if (fds[0].revents != 0) out_open = read_some(child.out, said);
    if (const std::size_t end = said.find('\n'); end != std::string::npos) {
      return std::optional(said.substr(0, end));
    }
  }
  return std::optional<std::string>();
}

Result<int> exit_status_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error::from_errno("waitpid");
  }
  if (WIFSIGNALED(status)) {
    return Error(Errc::kGuestFault,
                 "the process of the VM ended by signal " + std::to_string(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
  return Error(Errc::kGuestFault, "the process of the VM ended before the VM ran");
}

Result<std::vector<std::string>> command_line(const RunOptions& options, const EngineChoice& engine,
                                              Args args) {
  if (!engine.in_lab) {
    std::vector<std::string> argv{own_program(), kRunDetached, "--engine", "kvm"};
    argv.insert(argv.end(), args.begin(), args.end());
    return argv;
  }
  if (!options.quiet && !engine.reason.empty()) say(engine.reason);
  if (!lab_is_up(engine.lab)) SM_TRY(start_lab(engine.lab));
  if (!options.quiet && !options.ports.empty()) {
    say("the ports are published inside the lab only, which has no network to this machine");
  }
  use_lab_runtime_directory();
  return lab_command(engine.lab, own_program(), kRunDetached, args, ImageIs::kPulled);
}

}  // namespace

Result<int> detach(const RunOptions& options, const EngineChoice& engine, Args args) {
  Child child = SM_TRY(spawn(SM_TRY(command_line(options, engine, args))));
  const auto id = SM_TRY(wait_for_id(child));
  if (!id) return exit_status_of(child.pid);
  // First the id: nobody could find a VM again whose starter was killed before it had said it.
  std::puts(id->c_str());
  std::fflush(stdout);
  // From now on the VM is on its own.
  SM_TRY(write_fully(child.in.get(), "\n"));
  return 0;
}

}  // namespace supermachine::cli
