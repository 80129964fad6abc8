// SPDX-License-Identifier: Apache-2.0
#include "host/terminal.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/sys.h"

namespace supermachine::lab {

Result<Signals> Signals::create() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}) {
    sigaddset(&mask, signal);
  }
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &mask, nullptr); error != 0) {
    return Error::from_errno("pthread_sigmask", error);
  }
  UniqueFd fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno("signalfd");
  return Signals(std::move(fd));
}

std::optional<int> Signals::next() {
  signalfd_siginfo info{};
  const auto got = sys::try_read(fd_.get(), std::as_writable_bytes(std::span(&info, 1)));
  if (!got.ok() || got.value() != sizeof(info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

bool is_interactive() { return ::isatty(0) == 1 && ::isatty(1) == 1; }

rpc::WindowSize window_size() {
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) != 0) return {};
  return {.rows = size.ws_row, .cols = size.ws_col};
}

Result<RawMode> RawMode::enter() {
  termios before{};
  if (::tcgetattr(0, &before) != 0) return Error::from_errno("tcgetattr");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(0, TCSADRAIN, &raw) != 0) return Error::from_errno("tcsetattr");
  return RawMode(before);
}

RawMode::~RawMode() {
  if (before_) ::tcsetattr(0, TCSADRAIN, &*before_);
}

}  // namespace supermachine::lab
