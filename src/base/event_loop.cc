// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <array>

#include "base/sys.h"

namespace supermachine {
namespace {
constexpr std::uint64_t kWakeId = 0;
constexpr int kMaxEvents = 64;
}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  UniqueFd epoll = SM_TRY(sys::epoll_create());
  UniqueFd wake = SM_TRY(sys::event_fd());
  SM_TRY(sys::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), EPOLLIN, kWakeId));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

Status EventLoop::add(int fd, std::uint32_t events, Handler handler) {
  const std::uint64_t id = next_watch_++;
  SM_TRY(sys::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, events, id));
  watches_.emplace(id, std::make_shared<Watch>(Watch{fd, std::move(handler)}));
  watch_of_fd_[fd] = id;
  return {};
}

Status EventLoop::modify(int fd, std::uint32_t events) {
  const auto found = watch_of_fd_.find(fd);
  SM_CHECK(found != watch_of_fd_.end());
  return sys::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, events, found->second);
}

void EventLoop::remove(int fd) {
  const auto found = watch_of_fd_.find(fd);
  if (found == watch_of_fd_.end()) return;
  // Fails only for an fd that was closed before it was removed, which epoll forgot by itself.
  static_cast<void>(sys::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, 0, 0).ok());
  watches_.erase(found->second);
  watch_of_fd_.erase(found);
}

EventLoop::TimerId EventLoop::call_at(Deadline when, std::function<void()> callback) {
  const TimerId id = next_timer_id_++;
  timers_.emplace(std::pair(when, id), std::move(callback));
  timer_deadlines_.emplace(id, when);
  return id;
}

void EventLoop::cancel(TimerId id) {
  const auto found = timer_deadlines_.find(id);
  if (found == timer_deadlines_.end()) return;
  timers_.erase({found->second, id});
  timer_deadlines_.erase(found);
}

void EventLoop::post(std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  sys::event_fd_signal(wake_.get());
}

void EventLoop::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  sys::event_fd_signal(wake_.get());
}

Status EventLoop::run() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (std::exchange(stopping_, false)) return {};
    }
    SM_TRY(run_once(Deadline::max()));
  }
}

Status EventLoop::run_once(Deadline deadline) {
  std::array<epoll_event, kMaxEvents> events{};
  const int count = SM_TRY(
      sys::epoll_wait(epoll_.get(), events, poll_timeout_ms(std::min(deadline, next_timer()))));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    // A copy: epoll_event is packed, and find() takes a reference.
    const std::uint64_t id = event.data.u64;
    if (id == kWakeId) {
      sys::event_fd_clear(wake_.get());
      run_posted();
      continue;
    }
    const auto found = watches_.find(id);
    if (found == watches_.end()) continue;  // removed by an earlier handler of this batch
    const std::shared_ptr<Watch> watch = found->second;  // survives its own removal
    watch->handler(event.events);
  }
  run_timers();
  return {};
}

void EventLoop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const MutexLock lock(mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) item();
}

void EventLoop::run_timers() {
  const auto now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    timer_deadlines_.erase(node.key().second);
    node.mapped()();
  }
}

Deadline EventLoop::next_timer() const {
  return timers_.empty() ? Deadline::max() : timers_.begin()->first.first;
}

}  // namespace supermachine
