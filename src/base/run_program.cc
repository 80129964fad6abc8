// SPDX-License-Identifier: Apache-2.0
#include "base/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include "base/files.h"
#include "base/handles.h"
#include "base/sys.h"

namespace supermachine {
namespace {

constexpr std::size_t kMaxInput = 4096;  // fits a pipe, so writing it never waits

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  static Result<Pipe> create() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
};

// Kills, unless it is told not to, and always reaps.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(reap(0));
  }
  // nullopt when it still runs.
  std::optional<int> reap(int flags) {
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, flags);
    if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  void put(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  void open_null(int as) {
    ::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_WRONLY, 0);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Signals as a program expects to find them, whatever our process does about them.
class PlainSignals {
 public:
  PlainSignals() {
    sigset_t set;
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes_, &set);
    ::sigaddset(&set, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &set);
  }
  PlainSignals(const PlainSignals&) = delete;
  PlainSignals& operator=(const PlainSignals&) = delete;
  ~PlainSignals() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

Result<pid_t> spawn(const std::vector<std::string>& argv, int in, int out) {
  FileActions actions;
  actions.put(in, STDIN_FILENO);
  actions.put(out, STDOUT_FILENO);
  actions.open_null(STDERR_FILENO);
  const PlainSignals signals;
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, words[0], actions.get(), signals.get(), words.data(), environ);
  if (error == ENOENT) return Error(Errc::kNotFound, argv[0] + ": no such program");
  if (error != 0) return Error::from_errno("start " + argv[0], error);
  return pid;
}

}  // namespace

Result<ProgramOutput> run_program(const std::vector<std::string>& argv, const std::string& input,
                                  std::size_t max_output, Deadline deadline) {
  SM_CHECK(!argv.empty() && input.size() <= kMaxInput);
  Pipe in = SM_TRY(Pipe::create());
  Pipe out = SM_TRY(Pipe::create());
  SM_TRY(write_all(in.write.get(), std::as_bytes(std::span(input))));
  in.write = UniqueFd();
  Child child(SM_TRY(spawn(argv, in.read.get(), out.write.get())));
  in.read = UniqueFd();
  out.write = UniqueFd();
  SM_TRY(sys::set_nonblocking(out.read.get(), true));

  const auto late = [&] { return Error(Errc::kTimeout, argv[0] + ": no answer in time"); };
  ProgramOutput result;
  std::array<std::byte, 4096> piece{};
  for (;;) {
    if (!SM_TRY(sys::wait_ready(out.read.get(), POLLIN, deadline))) return late();
    const auto got = SM_TRY(sys::try_read(out.read.get(), piece));
    if (!got) continue;
    if (*got == 0) break;
    result.out.append(reinterpret_cast<const char*>(piece.data()), *got);  // bytes are text here
    if (result.out.size() > max_output) {
      return Error(Errc::kExhausted, argv[0] + ": its answer is too long");
    }
  }
  // It has closed its output; it is about to end, or hangs.
  for (;;) {
    if (const auto status = child.reap(WNOHANG)) {
      result.status = *status;
      return result;
    }
    if (std::chrono::steady_clock::now() >= deadline) return late();
    static_cast<void>(::poll(nullptr, 0, 1));
  }
}

}  // namespace supermachine
