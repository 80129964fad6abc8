// SPDX-License-Identifier: Apache-2.0
// Keeps copies of one snapshot ready: makes them when they are needed, hands them out in the order
// of asking, resets them when they come back, ends those that nobody needs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/mutex.h"
#include "base/quiet_thread.h"
#include "instance/instance.h"
#include "pool/latencies.h"
#include "pool/use_estimate.h"

namespace supermachine {

// One VM of a pool, with what on the host's side is its alone.
struct PoolVm {
  std::optional<TempDir> socket_dir = {};  // before the instance, whose socket lies in it
  std::string vsock_path = {};
  std::unique_ptr<Instance> instance = {};
  bool awake = false;
  bool is_fresh = false;            // nobody used it since it was woken
  bool needs_reset = false;         // its user found it unfit for another as it is
  std::uint64_t private_bytes = 0;  // of guest memory, when it last came back
};

struct VmPoolConfig {
  std::size_t min = 0;
  std::size_t max = 16;
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds acquire_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds wake_timeout = std::chrono::seconds(10);
  bool reset_on_release = true;
  std::uint64_t memory_budget = 0;  // bytes; 0: no limit
  std::uint64_t max_kept_pages = 0;
  Identity identity = {};
  // A copy that is asleep. Any thread.
  std::function<Result<PoolVm>()> make = {};
};

struct VmPoolStats {
  std::size_t alive = 0;
  std::size_t idle = 0;
  std::size_t waiting = 0;
  std::uint64_t acquired = 0;
  std::uint64_t retired = 0;
  Latencies::Summary restore = {};
  Latencies::Summary wake = {};
  Latencies::Summary reset = {};
  std::uint64_t private_bytes = 0;
};

// Any thread.
class VmPool {
 public:
  // Makes the first `min` VMs.
  static Result<std::shared_ptr<VmPool>> create(VmPoolConfig config);
  VmPool(const VmPool&) = delete;
  VmPool& operator=(const VmPool&) = delete;
  ~VmPool();  // all VMs are back

  // A VM that is awake. kTimeout, kExhausted for the memory budget, or why this one VM failed.
  Result<PoolVm> acquire();
  // Takes back a VM that acquire() gave. Returns when it is reset.
  void release(PoolVm vm);

  [[nodiscard]] VmPoolStats stats() const;
  [[nodiscard]] std::size_t max() const noexcept { return config_.max; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Idle {
    PoolVm vm;
    Clock::time_point since;
  };
  // A call of acquire(), in the queue.
  struct Waiter {
    std::condition_variable_any served;
    std::optional<PoolVm> vm;
    bool may_make = false;  // one more VM, which is counted already
  };

  explicit VmPool(VmPoolConfig config) : config_(std::move(config)) {}

  Status wait(Waiter& waiter);
  Result<PoolVm> make_awake();
  Result<PoolVm> wake(PoolVm vm);
  void serve_waiters() SM_REQUIRES(mutex_);
  void drop_ended() SM_REQUIRES(mutex_);
  [[nodiscard]] bool within_budget() SM_REQUIRES(mutex_);
  Status settle(PoolVm& vm);
  void doom(PoolVm vm) SM_REQUIRES(mutex_);
  void gone() SM_REQUIRES(mutex_);
  void maintain();
  void evict() SM_REQUIRES(mutex_);
  [[nodiscard]] Clock::time_point next_eviction() const SM_REQUIRES(mutex_);

  const VmPoolConfig config_;
  mutable Mutex mutex_;
  std::deque<Idle> idle_ SM_GUARDED_BY(mutex_);  // the one that came back last is last
  std::deque<Waiter*> waiters_ SM_GUARDED_BY(mutex_);
  std::vector<PoolVm> doomed_ SM_GUARDED_BY(mutex_);  // for the maintainer to end
  std::size_t alive_ SM_GUARDED_BY(mutex_) = 0;       // idle, in use or being made
  bool short_of_memory_ SM_GUARDED_BY(mutex_) = false;
  UseEstimate uses_ SM_GUARDED_BY(mutex_);
  std::uint64_t lent_bytes_ SM_GUARDED_BY(mutex_) = 0;  // private_bytes of the VMs in use
  std::uint64_t acquired_ SM_GUARDED_BY(mutex_) = 0;
  std::uint64_t retired_ SM_GUARDED_BY(mutex_) = 0;
  Latencies restore_ SM_GUARDED_BY(mutex_);
  Latencies wake_ SM_GUARDED_BY(mutex_);
  Latencies reset_ SM_GUARDED_BY(mutex_);
  bool stopping_ SM_GUARDED_BY(mutex_) = false;
  std::condition_variable_any work_;  // for the maintainer
  QuietThread maintainer_;
};

}  // namespace supermachine
