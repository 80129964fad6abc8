// SPDX-License-Identifier: Apache-2.0
#include "agent/stdio.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "base/sys.h"

namespace supermachine::agent {
namespace {

constexpr gid_t kTtyGroup = 5;  // as /dev/pts is mounted with

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// One call rather than sys::set_nonblocking()'s two: a new pipe has no other flags.
Status make_nonblocking(const UniqueFd& pipe) {
  if (::fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return Error::from_errno("fcntl");
  return {};
}

Result<UniqueFd> duplicate(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) return Error::from_errno("fcntl");
  return copy;
}

Status own(const UniqueFd& fd, uid_t uid, gid_t gid) {
  if (::fchown(fd.get(), uid, gid) != 0) return Error::from_errno("fchown");
  return {};
}

Result<Stdio> make_terminal(rpc::WindowSize window, const User& user) {
  Stdio stdio;
  stdio.out = SM_TRY(sys::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
  int locked = 0;
  SM_TRY(sys::ioctl(stdio.out.get(), TIOCSPTLCK, "TIOCSPTLCK", &locked));
  // By the master rather than by name: the image may have mounted something over /dev/pts.
  stdio.command_in = UniqueFd(SM_TRY(
      sys::ioctl(stdio.out.get(), TIOCGPTPEER, "TIOCGPTPEER", O_RDWR | O_NOCTTY | O_CLOEXEC)));
  SM_TRY(own(stdio.command_in, user.uid, kTtyGroup));
  if (::fchmod(stdio.command_in.get(), 0620) != 0) return Error::from_errno("fchmod");
  SM_TRY(set_window(stdio.out.get(), window));
  stdio.command_out = SM_TRY(duplicate(stdio.command_in));
  stdio.command_err = SM_TRY(duplicate(stdio.command_in));
  stdio.in = SM_TRY(duplicate(stdio.out));
  return stdio;
}

}  // namespace

Result<Stdio> Stdio::create(bool tty, bool with_stdin, rpc::WindowSize window, const User& user) {
  if (tty) return make_terminal(window, user);
  Stdio stdio;
  if (with_stdin) {
    auto [read_end, write_end] = SM_TRY(make_pipe());
    stdio.command_in = std::move(read_end);
    stdio.in = std::move(write_end);
    SM_TRY(make_nonblocking(stdio.in));
  } else {
    stdio.command_in = SM_TRY(sys::open("/dev/null", O_RDONLY));
  }
  for (auto [ours, theirs] :
       {std::pair(&stdio.out, &stdio.command_out), {&stdio.err, &stdio.command_err}}) {
    auto [read_end, write_end] = SM_TRY(make_pipe());
    SM_TRY(make_nonblocking(read_end));
    *ours = std::move(read_end);
    *theirs = std::move(write_end);
  }
  if (user.uid != 0) {
    if (with_stdin) SM_TRY(own(stdio.command_in, user.uid, user.gid));
    SM_TRY(own(stdio.command_out, user.uid, user.gid));
    SM_TRY(own(stdio.command_err, user.uid, user.gid));
  }
  return stdio;
}

void Stdio::close_command_ends() {
  command_in = UniqueFd();
  command_out = UniqueFd();
  command_err = UniqueFd();
}

Status set_window(int terminal, rpc::WindowSize window) {
  if (window == rpc::WindowSize{}) return {};
  struct winsize size {};
  size.ws_row = window.rows;
  size.ws_col = window.cols;
  SM_TRY(sys::ioctl(terminal, TIOCSWINSZ, "TIOCSWINSZ", &size));
  return {};
}

std::optional<std::byte> end_of_input(int terminal) {
  struct termios settings {};
  if (::tcgetattr(terminal, &settings) != 0 || (settings.c_lflag & ICANON) == 0)
    return std::nullopt;
  return std::byte{settings.c_cc[VEOF]};
}

}  // namespace supermachine::agent
