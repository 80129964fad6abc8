// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine {
namespace {

// A guest in an emulated host, on a busy machine.
constexpr std::chrono::seconds kPatience{90};
// How long to wait for bytes before looking whether the program still runs.
constexpr std::chrono::milliseconds kGlance{200};

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  SM_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Bakes of this test program's run, so that each image boots once.
const std::string& bakes_dir() {
  static const TempDir dir = TempDir::create().value();
  return dir.path();
}

[[noreturn]] void become_program(const Launch& launch) {
  ::setenv("SUPERMACHINE_SNAPSHOTS_DIR", bakes_dir().c_str(), 0);
  for (const auto& [name, value] : launch.env) ::setenv(name.c_str(), value.c_str(), 1);
  if (!launch.cwd.empty() && ::chdir(launch.cwd.c_str()) != 0) ::_exit(99);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A shell that starts us in the background has them ignored, and so would the program.
  for (const int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
  if (launch.before_exec) launch.before_exec();
  std::vector<std::string> words{launch.program.empty() ? SM_PROGRAM : launch.program};
  words.insert(words.end(), launch.args.begin(), launch.args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(98);
}

}  // namespace

Program::Program(const Launch& launch) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe to_stdin;
  Pipe from_stdout;
  Pipe from_stderr;
  if (launch.terminal) {
    open_terminal();
  } else {
    to_stdin = make_pipe();
    from_stdout = make_pipe();
    from_stderr = make_pipe();
  }
  bakes_dir();  // made by us, for all of them
  pid_ = ::fork();
  SM_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    if (launch.terminal) {
      if (::login_tty(terminal_.release()) != 0) ::_exit(97);
    } else {
      ::dup2(to_stdin.reader.get(), 0);
      ::dup2(from_stdout.writer.get(), 1);
      ::dup2(from_stderr.writer.get(), 2);
    }
    ::signal(SIGPIPE, SIG_DFL);
    become_program(launch);
  }
  if (!launch.terminal) {
    in_ = std::move(to_stdin.writer);
    out_ = std::move(from_stdout.reader);
    err_ = std::move(from_stderr.reader);
    if (launch.close_stdin) close_input();
  }
  for (const UniqueFd* fd : {&in_, &out_, &err_}) {
    if (*fd) SM_CHECK(sys::set_nonblocking(fd->get(), true).ok());
  }
}

void Program::open_terminal() {
  int ours = -1;
  int other = -1;
  const winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
  SM_CHECK(::openpty(&ours, &other, nullptr, nullptr, &size) == 0);
  ::fcntl(ours, F_SETFD, FD_CLOEXEC);
  ::fcntl(other, F_SETFD, FD_CLOEXEC);
  in_ = UniqueFd(ours);
  out_ = UniqueFd(::fcntl(ours, F_DUPFD_CLOEXEC, 0));
  terminal_ = UniqueFd(other);
}

Program::~Program() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::read_some(UniqueFd& fd, std::string& to) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got > 0) to.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) fd = UniqueFd();
}

// False at the deadline, or when there is nothing left to wait for.
bool Program::pump(Clock::time_point deadline, std::string_view input) {
  if (!out_ && !err_ && input.empty()) return false;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  if (left.count() <= 0) return false;
  std::array<pollfd, 3> fds{
      {{.fd = out_ ? out_.get() : -1, .events = POLLIN, .revents = 0},
       {.fd = err_ ? err_.get() : -1, .events = POLLIN, .revents = 0},
       {.fd = input.empty() || !in_ ? -1 : in_.get(), .events = POLLOUT, .revents = 0}}};
  if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0) return false;
  if (fds[0].revents != 0) read_some(out_, out);
  if (fds[1].revents != 0) read_some(err_, err);
  if (fds[2].revents != 0) {
    const ssize_t done = ::write(in_.get(), input.data(), input.size());
    if (done > 0) written_ += static_cast<std::size_t>(done);
    if (done < 0 && errno != EAGAIN) written_ += input.size();  // nobody reads it: that is allowed
  }
  return true;
}

void Program::write(std::string_view bytes) {
  const auto deadline = Clock::now() + kPatience;
  written_ = 0;
  while (written_ < bytes.size()) {
    if (pump(std::min(deadline, Clock::now() + kGlance), bytes.substr(written_))) continue;
    if (Clock::now() >= deadline || !is_running()) {
      ADD_FAILURE() << "it does not read its input; it wrote: " << out << err;
      return;
    }
  }
}

bool Program::is_running() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void Program::close_input() { in_ = UniqueFd(); }

void Program::wait_for(std::string_view text) { wait_for(text, out); }
void Program::wait_for_err(std::string_view text) { wait_for(text, err); }

void Program::wait_for(std::string_view text, const std::string& in) {
  const auto deadline = Clock::now() + kPatience;
  while (in.find(text) == std::string::npos) {
    if (pump(std::min(deadline, Clock::now() + kGlance))) continue;
    if (Clock::now() < deadline && is_running()) continue;
    ADD_FAILURE() << "it did not write '" << text << "' but: " << out << "\nand: " << err;
    return;
  }
}

int Program::wait() {
  const auto deadline = Clock::now() + kPatience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() >= deadline) {
      ADD_FAILURE() << "it does not end; it wrote: " << out << "\nand: " << err;
      return -1;
    }
    if (!pump(Clock::now() + std::chrono::milliseconds(20))) ::usleep(1000);
  }
  pid_ = -1;
  // What it wrote last. We hold the terminal open, so that one has no end.
  const auto quiet = std::chrono::milliseconds(terminal_ ? 50 : 5000);
  while (pump(Clock::now() + quiet)) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Program::signal(int number) const { SM_CHECK(::kill(pid_, number) == 0); }

bool Program::terminal_is_cooked() const {
  termios now{};
  SM_CHECK(::tcgetattr(terminal_.get(), &now) == 0);
  constexpr tcflag_t kCooked = ICANON | ECHO | ISIG;
  return (now.c_lflag & kCooked) == kCooked && (now.c_oflag & OPOST) != 0;
}

void Program::stop_reading() { out_ = UniqueFd(); }

void Program::resize(unsigned short rows, unsigned short cols) const {
  winsize size{.ws_row = rows, .ws_col = cols, .ws_xpixel = 0, .ws_ypixel = 0};
  SM_CHECK(::ioctl(in_.get(), TIOCSWINSZ, &size) == 0);
}

Ended run_program(const Launch& launch, std::string_view input) {
  Launch with_input = launch;
  if (!input.empty()) with_input.close_stdin = false;
  Program program(with_input);
  if (!input.empty()) {
    program.write(input);
    program.close_input();
  }
  Ended ended;
  ended.status = program.wait();
  ended.out = std::move(program.out);
  ended.err = std::move(program.err);
  return ended;
}

static std::string images_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (auto dir = variable("SM_TEST_IMAGES"); !dir.empty()) return dir;
  if (auto dir = variable("SUPERMACHINE_CACHE"); !dir.empty()) return dir + "/test-images";
  if (auto dir = variable("XDG_CACHE_HOME"); !dir.empty()) {
    return dir + "/supermachine/test-images";
  }
  return variable("HOME") + "/.cache/supermachine/test-images";
}

std::string test_image(const std::string& name) {
  return "oci-archive:" + images_dir() + "/" + name + ".tar";
}
std::string test_layout(const std::string& name) {
  return "oci-layout:" + images_dir() + "/" + name + ".layout";
}

}  // namespace supermachine
