// One vCPU and the thread that runs it: the loop around KVM_RUN.
#pragma once

#include <atomic>
#include <functional>
#include <latch>
#include <optional>
#include <thread>

#include "kvm/vcpu.h"
#include "vmm/bus.h"
#include "vmm/exit_report.h"

namespace supermachine {

class VcpuThread {
 public:
  struct Host {
    const Bus& mmio;  // not owned; both outlive the thread
    const Bus& pio;
    std::latch& go;  // nobody enters the guest before all threads are there
    std::function<void(ExitReport)> on_exit = {};  // on the vCPU's thread, at most once
  };

  VcpuThread(kvm::Vcpu vcpu, std::uint32_t id, Host host);
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;
  ~VcpuThread() { stop(); }

  void start();
  // Asks the thread to end, without waiting. Any thread.
  void request_stop();
  // Returns when the thread has ended. From any thread but its own.
  void stop();

  // Has the thread find out whether the guest halted this vCPU for good (in HLT with interrupts
  // off). The answer comes some time later.
  void query_halted();
  [[nodiscard]] bool found_halted() const { return found_halted_.load(); }

 private:
  void run();
  // Nullopt to go on.
  std::optional<ExitReport> dispatch(const kvm::Exit& exit);
  void kick();

  kvm::Vcpu vcpu_;
  const std::uint32_t id_;
  const Host host_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> halt_queried_{false};
  std::atomic<bool> found_halted_{false};
  std::thread thread_;
};

}  // namespace supermachine
