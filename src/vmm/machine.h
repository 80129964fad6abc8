// SPDX-License-Identifier: Apache-2.0
// A virtual machine: memory, vCPUs, interrupt controllers, devices, and the threads that run them.
// Knows nothing of images, agents or commands.
//
// Its life: a shell is made, a state is loaded into it (that of power-on, or one that was saved),
// it runs, is paused, saved, loaded again, stopped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/file_or_bytes.h"
#include "boot/kernel.h"
#include "kvm/kvm.h"
#include "memory/guest_memory.h"
#include "memory/rewind.h"
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
#include "vmm/dirty_pages.h"
#include "vmm/exit_report.h"
#include "vmm/machine_state.h"
#include "vmm/serial.h"
#include "vmm/vcpu_thread.h"
#include "vmm/virtio_slot.h"

namespace supermachine {

// What the host gives to a machine; no part of its state.
struct MachineHost {
  std::string root_image = {};  // shown read-only as /dev/vda; empty for none
  std::string vsock_path = {};  // of the unix socket; empty for none
  int console_fd = -1;          // Console's; borrowed until the machine is gone
};

struct MachineConfig {
  std::uint64_t memory_mib = 256;
  std::uint32_t vcpus = 1;
  FileOrBytes kernel = {};  // vmlinux or bzImage
  std::vector<std::byte> initramfs = {};
  std::vector<std::string> kernel_args = {};  // after our own
  bool verbose_kernel = false;                // boot messages on the console
  MachineHost host = {};
};

// kInvalidArgument names the setting that no machine on this host can have. boot() calls it.
Status check(const MachineConfig& config);

// What a rewind found written since the one before, and what of it the machine still has.
struct Rewound {
  PageSet written = {};
  PageSet kept = {};
};

class Machine {
 public:
  // Everything up to the first instruction. kInvalidArgument names the setting that cannot be.
  static Result<std::unique_ptr<Machine>> boot(const MachineConfig& config, BootTrace& trace);

  // A machine to load() a saved state of that many vCPUs into. `memory` is reserved, and mapped
  // already or mapped before load(). KVM is slow with large memories here, not later.
  static Result<std::unique_ptr<Machine>> shell(GuestMemory memory, std::uint32_t vcpus,
                                                MachineHost host);

  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();  // stops it

  // Takes up `state`, whose memory is in place. Before start(), or while paused or ended. kCorrupt
  // or kUnsupported for a state that cannot be.
  Status load(const MachineState& state);

  // While it does not run: has pages in place before the guest touches them, so that it need not
  // wait for them then. `state` is what will be loaded. Advice only; for writing it costs memory.
  Status prefault(const MachineState& state, std::span<const PageRun> pages, bool for_writing);

  // Runs. Guest-initiated vsock listeners must be registered before.
  void start();

  // Returns when no vCPU is in the guest and devices hold nothing of the guest's that is under way.
  // kTimeout when that takes until `deadline`, kGuestFault when the machine has ended; it runs on
  // then, or not, as before.
  Status pause(Deadline deadline);

  // While paused. Connections `keep` go on in machines that load the state.
  [[nodiscard]] Result<MachineState> save(std::span<const virtio::VsockPorts> keep);

  // While paused: ends all connections of the guest to the host, and takes the memory back to the
  // image that it was mapped from. load() has to follow before start(). A machine that has ended by
  // itself counts as paused.
  Result<Rewound> rewind(const ImagePages& image, std::uint64_t max_kept_pages);

  // Ends the VM at once and returns when no thread of it runs any more. Any thread but the
  // machine's own; again is harmless.
  void stop();

  // How the machine ended; nullopt at the deadline when it still runs. Any thread.
  std::optional<ExitReport> wait(Deadline deadline);

  // Readable from the moment the machine has ended, for poll(2).
  [[nodiscard]] int exit_fd() const noexcept { return exit_event_.get(); }

  // Called once, on a thread of the machine's own, when it ends. Set before start().
  void on_exit(std::function<void()> callback) { exit_callback_ = std::move(callback); }

  // Ports of the guest, and of ours that it connects to. From load() to the next load().
  [[nodiscard]] virtio::VsockMux& vsock() noexcept { return vsock_->mux(); }
  [[nodiscard]] const Console& console() const noexcept { return *console_; }
  [[nodiscard]] const GuestMemory& memory() const noexcept { return memory_; }
  [[nodiscard]] DirtyPages& dirty_pages() noexcept { return dirty_pages_; }
  // Of the devices, for who adds to what happens there; only on their thread.
  [[nodiscard]] EventLoop& device_events() noexcept { return loop_->events(); }
  // Runs `work` on the thread of the devices, between two of their turns.
  void run_on_devices(const std::function<void()>& work) { loop_->run(work); }

 private:
  Machine(GuestMemory memory, kvm::Vm vm, std::unique_ptr<DeviceLoop> loop, UniqueFd exit_event,
          MachineHost host);

  static Result<std::unique_ptr<Machine>> assemble(GuestMemory memory, std::uint32_t vcpus,
                                                   MachineHost host, bool log_dirty_pages);
  Status add_legacy_devices();
  Status add_slots();
  Status add_vcpus(std::uint32_t count);
  Result<MachineState> power_on_state(const boot::LoadedKernel& kernel) const;
  Status load_devices(const MachineState& state);
  Status set_cpuid(const MachineState& state);
  Status load_vcpus(const MachineState& state);
  // With the vCPUs parked, on the loop's thread: devices, what the console said, whether it halts.
  void forget_guest();
  // Returns when all vCPUs are parked; they are asked to, and run on if it takes too long.
  Status park(Deadline deadline);
  void finish(ExitReport report);
  // On the loop's thread.
  void expect_halt();
  void check_halt();

  // In order of dependence: what stands below uses what stands above, threads last.
  const MachineHost host_;
  const UniqueFd exit_event_;
  GuestMemory memory_;
  kvm::Vm vm_;
  DirtyPages dirty_pages_;
  std::unique_ptr<Console> console_;
  Bus mmio_;
  Bus pio_;
  UniqueFd serial_irq_;
  std::unique_ptr<Serial> serial_;
  std::unique_ptr<DeviceLoop> loop_;
  virtio::HostEntropy entropy_;
  std::unique_ptr<virtio::FileBackend> root_backend_;
  virtio::Block* root_ = nullptr;   // what is plugged into the slots; with no root image: none
  virtio::Vsock* vsock_ = nullptr;  // none between rewind() and load()
  std::unique_ptr<VirtioSlot> root_slot_;
  std::unique_ptr<VirtioSlot> vsock_slot_;
  std::unique_ptr<VirtioSlot> rng_slot_;
  bool cpuid_is_set_ = false;
  int halt_checks_left_ = 0;
  std::optional<EventLoop::TimerId> halt_check_;  // the next one
  std::vector<std::unique_ptr<VcpuThread>> vcpus_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<ExitReport> report_;  // guarded by mutex_
  std::function<void()> exit_callback_;
};

}  // namespace supermachine
