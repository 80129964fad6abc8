// SPDX-License-Identifier: Apache-2.0
// VMs kept ready: handed out in milliseconds, reset to their snapshot when they come back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "supermachine/detail/pointers.h"
#include "supermachine/detail/std.h"
#include "supermachine/image.h"
#include "supermachine/result.h"
#include "supermachine/vm.h"
#include "supermachine/vm_config.h"

namespace supermachine {

// The median and the tail of what was measured since the pool was built; zeroes for nothing yet.
struct LatencySummary {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{};
  std::chrono::nanoseconds p95{};
  std::chrono::nanoseconds p99{};
};

struct PoolStats {
  std::size_t alive = 0;            // VMs there are
  std::size_t idle = 0;             // of them, ready to be handed out
  std::size_t in_use = 0;           // of them, handed out
  std::size_t max = 0;              // as many there may be
  std::size_t waiting = 0;          // callers of acquire()
  std::uint64_t acquired = 0;       // since the pool was built
  std::uint64_t retired = 0;        // VMs given up: they failed, or were idle for too long
  LatencySummary restore = {};      // of VMs that were made: from nothing to the agent's answer
  LatencySummary wake = {};         // of VMs that were ready: to the agent's answer
  LatencySummary reset = {};        // of VMs that came back
  std::uint64_t private_bytes = 0;  // guest memory that VMs have for themselves, all together
};

// A VM on loan: it goes back when this is destroyed. What it started must be gone by then.
class PooledVm {
 public:
  PooledVm(PooledVm&&) noexcept;
  PooledVm& operator=(PooledVm&&) noexcept;
  ~PooledVm();

  [[nodiscard]] Vm& operator*() noexcept;
  [[nodiscard]] const Vm& operator*() const noexcept;
  [[nodiscard]] Vm* operator->() noexcept { return &**this; }
  [[nodiscard]] const Vm* operator->() const noexcept { return &**this; }

  Result<ExecChild> exec(std::vector<std::string> argv) const {
    return (**this).exec(std::move(argv));
  }
  [[nodiscard]] ExecBuilder exec_builder() const { return (**this).exec_builder(); }

 private:
  friend class Pool;
  struct State;
  explicit PooledVm(detail::Owned<State> state);
  detail::Owned<State> state_;
};

// Cheap to copy: copies are the same pool. Safe to use from many threads. VMs on loan keep the pool
// alive; its idle VMs end when the last of both is gone.
class Pool {
 public:
  // A VM that nobody used since its snapshot. The longest waiting caller is served first. kTimeout
  // when none is free in time, kExhausted when the memory budget stood against it; other errors
  // are those of a start that failed, which concern this VM alone.
  Result<PooledVm> acquire() const;
  [[nodiscard]] PoolStats stats() const;
  [[nodiscard]] const Image& image() const;

 private:
  friend class PoolBuilder;
  friend class PooledVm;
  struct State;
  explicit Pool(detail::Shared<State> state);
  detail::Shared<State> state_;
};

// From Image::pool().
//
//   auto pool = image.pool().min(4).max(64).acquire_timeout(5s).build();
//   auto vm = pool.value().acquire();
class PoolBuilder {
 public:
  // VMs kept ready even when nobody asks. Default 0: made when they are needed.
  PoolBuilder& min(std::size_t count) { return min_ = count, *this; }
  // Default 16.
  PoolBuilder& max(std::size_t count) { return max_ = count, *this; }
  // VMs beyond min() that nobody used for so long end. Default 60 s; duration::max(): never.
  PoolBuilder& idle_timeout(std::chrono::nanoseconds timeout) {
    return idle_timeout_ = timeout, *this;
  }
  // How long acquire() waits for a VM. Default 30 s.
  PoolBuilder& acquire_timeout(std::chrono::nanoseconds timeout) {
    return acquire_timeout_ = timeout, *this;
  }
  // Whether a VM that comes back is reset to its snapshot. Default true. False keeps its processes,
  // files and memory: faster, and nothing then separates one user from the next.
  PoolBuilder& restore_on_release(bool on) { return restore_on_release_ = on, *this; }
  // Bytes of host memory that the guests may have for themselves, looked at when a VM is handed
  // out: beyond it acquire() waits, but for a first VM in use, which is always allowed. It does not
  // stop a VM that grows later. Default 0: no limit.
  PoolBuilder& memory_budget(std::uint64_t bytes) { return memory_budget_ = bytes, *this; }
  // Bytes of what a VM wrote that it keeps for itself while it is idle: its next use then costs
  // fewer page faults. Default 256 KiB.
  PoolBuilder& warm_memory(std::uint64_t bytes) { return warm_memory_ = bytes, *this; }
  // Timeouts, assets, names and payload of its VMs.
  PoolBuilder& config(VmConfig config) { return config_ = std::move(config), *this; }

  // With an image that is no snapshot, one VM is booted and captured first, which takes as long as
  // a boot. The VMs of min() exist when this returns. kInvalidArgument for settings that
  // contradict each other.
  [[nodiscard]] Result<Pool> build() const;

 private:
  friend class Image;
  explicit PoolBuilder(Image image) : image_(std::move(image)) {}

  Image image_;
  std::size_t min_ = 0;
  std::size_t max_ = 16;
  std::chrono::nanoseconds idle_timeout_ = std::chrono::seconds(60);
  std::chrono::nanoseconds acquire_timeout_ = std::chrono::seconds(30);
  bool restore_on_release_ = true;
  std::uint64_t memory_budget_ = 0;
  std::uint64_t warm_memory_ = 256 << 10;
  VmConfig config_;
};

}  // namespace supermachine
