// SPDX-License-Identifier: Apache-2.0
#include "base/quiet_thread.h"

#include <pthread.h>

#include <csignal>

namespace supermachine {

std::thread start_quiet_thread(std::string name, std::function<void()> body) {
  // A thread inherits its creator's mask; one that set its own would be open to signals until then.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([name = name.substr(0, 15), body = std::move(body)] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    body();
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace supermachine
