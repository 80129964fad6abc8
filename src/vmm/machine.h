// A virtual machine: memory, vCPUs, interrupt controllers, devices, and the threads that run them.
// Knows nothing of images, agents or commands.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "boot/kernel.h"
#include "kvm/kvm.h"
#include "memory/guest_memory.h"
#include "virtio/backend/entropy.h"
#include "virtio/backend/file_backend.h"
#include "virtio/block.h"
#include "virtio/mmio.h"
#include "virtio/rng.h"
#include "virtio/vsock.h"
#include "vmm/boot_trace.h"
#include "vmm/bus.h"
#include "vmm/console.h"
#include "vmm/device_loop.h"
#include "vmm/exit_report.h"
#include "vmm/serial.h"
#include "vmm/vcpu_thread.h"
#include "vmm/virtio_slot.h"

namespace supermachine {

struct MachineConfig {
  std::uint64_t memory_mib = 256;
  std::uint32_t vcpus = 1;
  std::string kernel_path = {};  // vmlinux or bzImage
  std::vector<std::byte> initramfs = {};
  std::vector<std::string> kernel_args = {};  // after our own
  std::string root_image = {};                // shown read-only as /dev/vda; empty for none
  std::string vsock_path = {};                // of the unix socket; empty for none
  int console_fd = -1;                        // Console's; borrowed until the machine is gone
  bool verbose_kernel = false;                // boot messages on the console
};

// kInvalidArgument names the setting that no machine on this host can have. create() calls it.
Status check(const MachineConfig& config);

class Machine {
 public:
  // Everything up to the first instruction. kInvalidArgument names the setting that cannot be.
  static Result<std::unique_ptr<Machine>> create(const MachineConfig& config, BootTrace& trace);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();  // stops it

  // Once. Guest-initiated vsock listeners must be registered before.
  void start();

  // Ends the VM at once and returns when no thread of it runs any more. Any thread but the
  // machine's own; again is harmless.
  void stop();

  // How the machine ended; nullopt at the deadline when it still runs. Any thread.
  std::optional<ExitReport> wait(Deadline deadline);

  // Readable from the moment the machine has ended, for poll(2).
  [[nodiscard]] int exit_fd() const noexcept { return exit_event_.get(); }

  // Called once, on a thread of the machine's own, when it ends. Set before start().
  void on_exit(std::function<void()> callback) { exit_callback_ = std::move(callback); }

  // Ports of the guest, and of ours that it connects to.
  [[nodiscard]] virtio::VsockMux& vsock() noexcept { return *vsock_mux_; }
  [[nodiscard]] const Console& console() const noexcept { return *console_; }

 private:
  Machine(MachineConfig config, GuestMemory memory, kvm::Vm vm, std::unique_ptr<DeviceLoop> loop,
          UniqueFd exit_event);

  Status load_guest(const kvm::System& system, BootTrace& trace);
  Status add_devices();
  Status add_legacy_devices();
  Status add_virtio(std::unique_ptr<virtio::Device> device);
  Status add_vcpus(const kvm::System& system, const boot::LoadedKernel& kernel);
  void finish(ExitReport report);
  void watch_for_halt(int attempts_left);

  // In order of dependence: what stands below uses what stands above, threads last.
  const MachineConfig config_;
  const UniqueFd exit_event_;
  GuestMemory memory_;
  kvm::Vm vm_;
  std::unique_ptr<Console> console_;
  Bus mmio_;
  Bus pio_;
  UniqueFd serial_irq_;
  std::unique_ptr<Serial> serial_;
  std::unique_ptr<DeviceLoop> loop_;
  virtio::HostEntropy entropy_;
  std::unique_ptr<virtio::FileBackend> root_;
  virtio::VsockMux* vsock_mux_ = nullptr;  // of the device in a slot
  std::vector<std::unique_ptr<VirtioSlot>> slots_;
  std::latch go_{1};  // opened by start()
  std::vector<std::unique_ptr<VcpuThread>> vcpus_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<ExitReport> report_;  // guarded by mutex_
  std::function<void()> exit_callback_;
};

}  // namespace supermachine
