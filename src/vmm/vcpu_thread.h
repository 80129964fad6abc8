// SPDX-License-Identifier: Apache-2.0
// One vCPU and the thread that runs it: the loop around KVM_RUN.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <optional>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/quiet_thread.h"
#include "kvm/vcpu.h"
#include "vmm/bus.h"
#include "vmm/exit_report.h"

namespace supermachine {

// Parked until the first resume(), and again after pause() or the guest's end: then the vCPU is out
// of the guest, its last exit completed, and its state is anybody's to read and to write.
class VcpuThread {
 public:
  struct Host {
    const Bus& mmio;  // not owned; both outlive the thread
    const Bus& pio;
    std::function<void(ExitReport)> on_exit = {};  // on the vCPU's thread
  };

  VcpuThread(kvm::Vcpu vcpu, std::uint32_t id, Host host);
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;
  ~VcpuThread() { stop(); }

  // Once, before anything below.
  Status start();

  void resume();
  // Asks for a park, without waiting. Any thread, the vCPU's own included.
  void request_pause();
  // Whether the vCPU is parked, at the deadline at the latest. Not from its own thread.
  [[nodiscard]] bool wait_parked(Deadline deadline);
  // The thread ends. Not from its own.
  void stop();

  // While parked.
  [[nodiscard]] const kvm::Vcpu& vcpu() const { return vcpu_; }

  // Has the thread find out whether the guest halted this vCPU for good (in HLT with interrupts
  // off). The answer comes some time later.
  void query_halted();
  void forget_halted();
  [[nodiscard]] bool found_halted() const { return found_halted_.load(); }

 private:
  enum class Wish : std::uint8_t { kPark, kRun, kEnd };

  void run();
  // Returns when there is something to run, false when the thread is to end.
  bool park();
  void wish_for(Wish wish);
  // Nullopt to go on.
  std::optional<ExitReport> dispatch(const kvm::Exit& exit);
  void kick();

  kvm::Vcpu vcpu_;
  const std::uint32_t id_;
  const Host host_;
  // Written under the mutex, read by the thread without it between two entries of the guest.
  std::atomic<Wish> wish_{Wish::kPark};
  std::atomic<bool> halt_queried_{false};
  std::atomic<bool> found_halted_{false};
  Mutex mutex_;
  std::condition_variable_any changed_;
  bool parked_ SM_GUARDED_BY(mutex_) = true;
  bool can_be_kicked_ SM_GUARDED_BY(mutex_) = false;  // the thread is there, and nobody joins it
  QuietThread thread_;
};

}  // namespace supermachine
