// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <algorithm>
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

// Calls `handle` with each signal until `stop` is closed by its other end.
template <typename Handle>
void watch(int signals, int stop, const Handle& handle) {
  std::array<pollfd, 2> fds{{{.fd = signals, .events = POLLIN, .revents = 0},
                             {.fd = stop, .events = POLLIN, .revents = 0}}};
  while (fds[1].revents == 0) {
    // Without a deadline: our owner's end closes `stop`.
    if (::poll(fds.data(), fds.size(), -1) <= 0) continue;
    if (const auto number = read_signal(signals)) handle(*number);
  }
}

// Not exit(): the library is at work on another thread.
[[noreturn]] void end_by(int number) { ::_exit(kSignalBase + number); }

void set_file_limit(rlim_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

struct Watched {
  Fd signals;
  Fd stop;
  Fd stopper;  // closing it ends watch()
};

Result<Watched> start_watching() {
  Fd signals = SM_TRY(open_signalfd(set_of(kEnding)));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  return Watched{std::move(signals), Fd(ends[0]), Fd(ends[1])};
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
  Watched watched = SM_TRY(start_watching());
  std::thread thread([signals = std::move(watched.signals), stop = std::move(watched.stop)] {
    watch(signals.get(), stop.get(), end_by);
  });
  return EndOnSignal(std::move(watched.stopper), std::move(thread));
}

EndOnSignal::~EndOnSignal() {
  stop_.reset();
  if (thread_.joinable()) thread_.join();
}

Result<FailWritesOnSignal> FailWritesOnSignal::create() {
  Watched watched = SM_TRY(start_watching());
  // Such a write gets an error then, and no signal.
  if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return Error::from_errno("signal");
  auto caught = std::make_unique<std::atomic<int>>(0);
  std::thread thread(
      [signals = std::move(watched.signals), stop = std::move(watched.stop), first = caught.get()] {
        watch(signals.get(), stop.get(), [first](int number) {
          if (first->exchange(number) != 0) end_by(number);
          set_file_limit(0);
        });
      });
  return FailWritesOnSignal(std::move(watched.stopper), std::move(caught), std::move(thread));
}

FailWritesOnSignal::~FailWritesOnSignal() {
  stop_.reset();
  if (!thread_.joinable()) return;
  thread_.join();
  if (caught() != 0) set_file_limit(RLIM_INFINITY);
}

}  // namespace supermachine::cli
