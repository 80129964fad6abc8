// SPDX-License-Identifier: Apache-2.0
#include "base/quiet_thread.h"

#include <csignal>
#include <memory>

namespace supermachine {
namespace {

struct Start {
  std::string name;
  std::function<void()> body;
};

void* run_started(void* argument) noexcept {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  ::pthread_setname_np(::pthread_self(), start->name.c_str());
  start->body();
  return nullptr;
}

}  // namespace

void QuietThread::join() noexcept {
  if (std::exchange(joinable_, false)) SM_CHECK(::pthread_join(handle_, nullptr) == 0);
}

Result<QuietThread> start_quiet_thread(std::string name, std::function<void()> body) {
  auto start = std::make_unique<Start>(Start{name.substr(0, 15), std::move(body)});
  // A thread inherits its creator's mask; one that set its own would be open to signals until then.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t handle{};
  const int failed = ::pthread_create(&handle, nullptr, run_started, start.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed == EAGAIN) {
    return Error(Errc::kExhausted, "the thread " + start->name +
                                       " cannot be started: the process has as many threads, or "
                                       "as much memory, as it may have");
  }
  if (failed != 0) return Error::from_errno("pthread_create for " + start->name, failed);
  static_cast<void>(start.release());  // the thread's
  return QuietThread(handle);
}

}  // namespace supermachine
