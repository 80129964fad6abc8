// SPDX-License-Identifier: Apache-2.0
#include "pool/vm_pool.h"

#include <algorithm>

namespace supermachine {
namespace {

std::string seconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

bool has_ended(const PoolVm& vm) {
  return vm.instance->machine().wait(deadline_in({})).has_value();
}

}  // namespace

Result<std::shared_ptr<VmPool>> VmPool::create(VmPoolConfig config) {
  std::shared_ptr<VmPool> pool(new VmPool(std::move(config)));
  for (std::size_t i = 0; i < pool->config_.min; ++i) {
    PoolVm vm = SM_TRY(pool->config_.make());
    const MutexLock lock(pool->mutex_);
    pool->idle_.push_back({std::move(vm), Clock::now()});
    ++pool->alive_;
  }
  pool->maintainer_ =
      SM_TRY(start_quiet_thread("sm-pool", [self = pool.get()] { self->maintain(); }));
  return pool;
}

VmPool::~VmPool() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  maintainer_.join();
}

Result<PoolVm> VmPool::acquire() {
  Waiter waiter;
  SM_TRY(wait(waiter));
  auto vm = waiter.may_make ? make_awake() : wake(*std::move(waiter.vm));
  const MutexLock lock(mutex_);
  if (vm.ok()) {
    ++acquired_;
  } else {
    gone();
  }
  return vm;
}

Status VmPool::wait(Waiter& waiter) {
  const auto deadline = deadline_in(config_.acquire_timeout);
  const MutexLock lock(mutex_);
  waiters_.push_back(&waiter);
  serve_waiters();
  while (!waiter.vm && !waiter.may_make) {
    if (deadline == Deadline::max()) {
      waiter.served.wait(mutex_);
    } else if (waiter.served.wait_until(mutex_, deadline) == std::cv_status::timeout &&
               !waiter.vm && !waiter.may_make) {
      std::erase(waiters_, &waiter);
      if (short_of_memory_) {
        return Error(Errc::kExhausted, "the pool's memory budget of " +
                                           std::to_string(config_.memory_budget) +
                                           " bytes did not allow one more VM within " +
                                           seconds(config_.acquire_timeout));
      }
      return Error(Errc::kTimeout, "none of the pool's " + std::to_string(config_.max) +
                                       " VMs came free within " + seconds(config_.acquire_timeout));
    }
  }
  return {};
}

void VmPool::serve_waiters() {
  while (!waiters_.empty()) {
    drop_ended();
    const bool can = !idle_.empty() || alive_ < config_.max;
    short_of_memory_ = can && !within_budget();
    if (!can || short_of_memory_) return;
    Waiter& waiter = *waiters_.front();
    waiters_.pop_front();
    if (!idle_.empty()) {
      waiter.vm = std::move(idle_.back().vm);
      lent_bytes_ += waiter.vm->private_bytes;
      idle_.pop_back();
    } else {
      ++alive_;
      waiter.may_make = true;
    }
    waiter.served.notify_one();
  }
}

// Of VMs that are not reset, one may have ended since it came back.
void VmPool::drop_ended() {
  while (!idle_.empty() && idle_.back().vm.awake && has_ended(idle_.back().vm)) {
    doom(std::move(idle_.back().vm));
    idle_.pop_back();
  }
}

// Whether one more VM may be in use; the only one always may. Idle ones that keep memory, but for
// the one it may become, go first.
bool VmPool::within_budget() {
  if (config_.memory_budget == 0) return true;
  const std::uint64_t each = uses_.of_one(config_.memory_budget);
  for (;;) {
    std::uint64_t needed = std::max((alive_ - idle_.size()) * each, lent_bytes_) + each;
    for (const Idle& idle : idle_) needed += idle.vm.private_bytes;
    if (!idle_.empty()) needed -= idle_.back().vm.private_bytes;
    if (needed <= config_.memory_budget) return true;
    const auto keeps = std::find_if(idle_.begin(), idle_.end(),
                                    [](const Idle& idle) { return idle.vm.private_bytes > 0; });
    if (keeps == idle_.end() || std::next(keeps) == idle_.end()) return false;
    doom(std::move(keeps->vm));
    idle_.erase(keeps);
  }
}

Result<PoolVm> VmPool::make_awake() {
  const auto begin = Clock::now();
  PoolVm vm = SM_TRY(config_.make());
  SM_TRY(vm.instance->wake(config_.identity, deadline_in(config_.wake_timeout)));
  vm.awake = true;
  vm.is_fresh = true;
  const MutexLock lock(mutex_);
  restore_.add(Clock::now() - begin);
  return vm;
}

Result<PoolVm> VmPool::wake(PoolVm vm) {
  vm.is_fresh = !vm.awake;
  vm.instance->restart_trace();
  if (vm.awake) return vm;
  const auto begin = Clock::now();
  Status awake = vm.instance->wake(config_.identity, deadline_in(config_.wake_timeout));
  const MutexLock lock(mutex_);
  if (!awake.ok()) {
    lent_bytes_ -= vm.private_bytes;
    doomed_.push_back(std::move(vm));
    return std::move(awake).error();
  }
  vm.awake = true;
  wake_.add(Clock::now() - begin);
  return vm;
}

void VmPool::release(PoolVm vm) {
  const auto begin = Clock::now();
  const bool usable = settle(vm).ok();
  const auto took = Clock::now() - begin;
  const MutexLock lock(mutex_);
  lent_bytes_ -= vm.private_bytes;
  if (usable) {
    reset_.add(took);
    vm.private_bytes = vm.instance->kept_bytes();
    uses_.add(vm.instance->used_bytes());
    idle_.push_back({std::move(vm), Clock::now()});
    serve_waiters();
  } else {
    doom(std::move(vm));
    serve_waiters();
  }
  work_.notify_one();
}

// Makes ready for the next user what came back. An error: it can have none.
Status VmPool::settle(PoolVm& vm) {
  if (config_.reset_on_release) {
    vm.awake = false;
    return vm.instance->sleep(config_.max_kept_pages);
  }
  if (vm.needs_reset) return Error(Errc::kUnsupported, "nothing is reset here");
  if (has_ended(vm)) return Error(Errc::kGuestFault, "it has ended");
  return vm.instance->measure();
}

void VmPool::doom(PoolVm vm) {
  doomed_.push_back(std::move(vm));
  gone();
}

// One VM less, whose place another may take.
void VmPool::gone() {
  --alive_;
  ++retired_;
  work_.notify_one();
}

// Ending a VM takes KVM tens of milliseconds, and making one takes a few: neither under the lock.
void VmPool::maintain() {
  mutex_.lock();
  while (!stopping_) {
    evict();
    serve_waiters();
    std::vector<PoolVm> doomed;
    doomed.swap(doomed_);
    const bool refill = alive_ < config_.min;
    if (refill) ++alive_;
    if (!doomed.empty() || refill) {
      mutex_.unlock();
      doomed.clear();
      auto made = refill ? config_.make() : Result<PoolVm>(PoolVm{});
      mutex_.lock();
      if (refill && made.ok()) {
        idle_.push_front({std::move(made).value(), Clock::now()});
        continue;
      }
      if (!refill) continue;
      --alive_;  // tried again when something changes
      serve_waiters();
      if (!doomed_.empty()) continue;
    }
    const auto next = next_eviction();
    if (next == Clock::time_point::max()) {
      work_.wait(mutex_);
    } else {
      work_.wait_until(mutex_, next);
    }
  }
  mutex_.unlock();
}

VmPool::Clock::time_point VmPool::next_eviction() const {
  if (idle_.empty() || alive_ <= config_.min) return Clock::time_point::max();
  const auto since = idle_.front().since;
  return config_.idle_timeout >= Clock::time_point::max() - since ? Clock::time_point::max()
                                                                  : since + config_.idle_timeout;
}

void VmPool::evict() {
  while (next_eviction() <= Clock::now()) {
    doom(std::move(idle_.front().vm));
    idle_.pop_front();
  }
}

VmPoolStats VmPool::stats() const {
  const MutexLock lock(mutex_);
  VmPoolStats stats{
      .alive = alive_,
      .idle = idle_.size(),
      .waiting = waiters_.size(),
      .acquired = acquired_,
      .retired = retired_,
      .restore = restore_.summary(),
      .wake = wake_.summary(),
      .reset = reset_.summary(),
      .private_bytes = std::max((alive_ - idle_.size()) * uses_.largest(), lent_bytes_)};
  for (const Idle& idle : idle_) stats.private_bytes += idle.vm.private_bytes;
  return stats;
}

}  // namespace supermachine
