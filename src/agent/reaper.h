// SPDX-License-Identifier: Apache-2.0
// Waits for every child of this process: those somebody watches, and the orphans that the kernel
// gives to the first process of a guest.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <unordered_map>

#include "base/event_loop.h"

namespace supermachine::agent {

// Lives on the loop's thread. The process may have no other code that waits for children.
class Reaper {
 public:
  // `status` as from wait(2).
  using Watcher = std::function<void(int status, const rusage& usage)>;

  // Blocks SIGCHLD in the calling thread: call it before any other thread starts.
  static Result<std::unique_ptr<Reaper>> create(EventLoop& loop);
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper();

  // Calls `watcher` once, from the loop, when `pid` has ended. From then on the number is free for
  // the kernel to use again.
  void watch(pid_t pid, Watcher watcher) { watchers_[pid] = std::move(watcher); }
  // The child is still reaped.
  void forget(pid_t pid) { watchers_.erase(pid); }

 private:
  Reaper(EventLoop& loop, UniqueFd signals) : loop_(loop), signals_(std::move(signals)) {}
  void reap();

  EventLoop& loop_;  // not owned; outlives us
  UniqueFd signals_;
  std::unordered_map<pid_t, Watcher> watchers_;
};

}  // namespace supermachine::agent
