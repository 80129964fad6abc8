#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <csignal>

#include "cli/verbs.h"

namespace supermachine::cli {
namespace {

constexpr std::array kForwarded{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
constexpr std::array kEnding{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

bool is_ignored(int number) {
  struct sigaction action {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

template <typename Numbers>
sigset_t set_of(const Numbers& numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) {
    if (number != SIGHUP || !is_ignored(SIGHUP)) sigaddset(&set, number);
  }
  return set;
}

Result<Fd> open_signalfd(const sigset_t& set) {
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (fd.get() < 0) return Error::from_errno("signalfd");
  return fd;
}

std::optional<int> read_signal(int fd) {
  signalfd_siginfo info{};
  if (::read(fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void end_on_signal(int signals, int stop) {
  std::array<pollfd, 2> fds{{{.fd = signals, .events = POLLIN, .revents = 0},
                             {.fd = stop, .events = POLLIN, .revents = 0}}};
  while (fds[1].revents == 0) {
    // Without a deadline: the end of the start closes `stop`.
    if (::poll(fds.data(), fds.size(), -1) <= 0) continue;
    // Not exit(): the library is at work on another thread.
    if (const auto number = read_signal(signals)) ::_exit(kSignalBase + *number);
  }
}

}  // namespace

Result<Signals> Signals::create() {
  const sigset_t set = set_of(kForwarded);
  sigset_t before;
  if (::pthread_sigmask(SIG_BLOCK, &set, &before) != 0) return Error::from_errno("sigmask");
  return Signals(SM_TRY(open_signalfd(set)), before);
}

std::optional<int> Signals::next() { return read_signal(fd_.get()); }

void Signals::restore() const { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Result<EndOnSignal> EndOnSignal::create() {
  Fd signals = SM_TRY(open_signalfd(set_of(kEnding)));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  Fd stop(ends[0]);
  Fd writer(ends[1]);
  std::thread thread([signals = std::move(signals), stop = std::move(stop)] {
    end_on_signal(signals.get(), stop.get());
  });
  return EndOnSignal(std::move(writer), std::move(thread));
}

EndOnSignal::~EndOnSignal() {
  stop_.reset();
  if (thread_.joinable()) thread_.join();
}

}  // namespace supermachine::cli
