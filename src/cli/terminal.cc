// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace supermachine::cli {
namespace {

constexpr std::array kFatal{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

// What a fatal signal's handler restores: it can reach nothing but a global.
termios g_before{};
std::array<struct sigaction, kFatal.size()> g_actions{};

void restore_actions() {
  for (std::size_t i = 0; i < kFatal.size(); ++i) ::sigaction(kFatal[i], &g_actions[i], nullptr);
}

void on_fatal_signal(int number) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  restore_actions();
  ::raise(number);  // delivered when we return
}

}  // namespace

std::optional<WindowSize> window_size() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
      return WindowSize{.rows = size.ws_row, .cols = size.ws_col};
    }
  }
  return std::nullopt;
}

Result<RawTerminal> RawTerminal::enter() {
  if (::tcgetattr(STDIN_FILENO, &g_before) != 0) return Error::from_errno("tcgetattr");
  struct sigaction action {};
  action.sa_handler = on_fatal_signal;
  for (std::size_t i = 0; i < kFatal.size(); ++i) ::sigaction(kFatal[i], &action, &g_actions[i]);
  RawTerminal terminal;
  termios raw = g_before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return Error::from_errno("tcsetattr");
  return terminal;
}

RawTerminal::~RawTerminal() {
  if (!active_) return;
  // What the command wrote last is still on its way out: wait for it.
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &g_before);
  restore_actions();
}

}  // namespace supermachine::cli
