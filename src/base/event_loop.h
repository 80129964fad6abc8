// SPDX-License-Identifier: Apache-2.0
// One thread's epoll loop: file descriptors, timers and work posted by other threads.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"
#include "base/mutex.h"

namespace supermachine {

// All methods but post() and stop() belong to the thread that calls run(), or to whoever holds the
// loop before it runs.
class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;
  using TimerId = std::uint64_t;

  static Result<std::unique_ptr<EventLoop>> create();

  // Calls `handler` with the EPOLL* bits that are ready. `fd` is borrowed: remove it before closing
  // it. A handler may add, modify or remove any fd, itself included.
  Status add(int fd, std::uint32_t events, Handler handler);
  Status modify(int fd, std::uint32_t events);
  void remove(int fd);

  // Calls `callback` once, at or after `when`.
  TimerId call_at(Deadline when, std::function<void()> callback);
  void cancel(TimerId id);

  // From any thread: runs `work` on the loop's thread, in order of posting. Work posted after the
  // loop has stopped is dropped when the loop is destroyed.
  void post(std::function<void()> work);

  // From any thread: run() returns after the handlers in hand. May be called before run().
  void stop();

  // Returns when stopped, or with an error of epoll itself. Can be run again.
  Status run();

  // Handles what is ready now or becomes ready before `deadline`, once. For tests and for callers
  // with a loop of their own.
  Status run_once(Deadline deadline);

 private:
  struct Watch {
    int fd;
    Handler handler;
  };

  EventLoop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void run_posted();
  void run_timers();
  [[nodiscard]] Deadline next_timer() const;

  UniqueFd epoll_;
  UniqueFd wake_;
  // Watches are found by a number that is never used twice, so an event that epoll reported for an
  // fd that was removed meanwhile, perhaps reused, finds nothing.
  std::unordered_map<std::uint64_t, std::shared_ptr<Watch>> watches_;
  std::unordered_map<int, std::uint64_t> watch_of_fd_;
  std::uint64_t next_watch_ = 1;
  std::map<std::pair<Deadline, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, Deadline> timer_deadlines_;
  TimerId next_timer_id_ = 1;

  Mutex mutex_;
  std::vector<std::function<void()>> posted_ SM_GUARDED_BY(mutex_);
  bool stopping_ SM_GUARDED_BY(mutex_) = false;
};

}  // namespace supermachine
