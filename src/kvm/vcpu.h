// SPDX-License-Identifier: Apache-2.0
// One virtual processor: its state as a plain struct, and why it came back to us.
#pragma once

#include <csignal>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/handles.h"
#include "kvm/state.h"
#include "memory/guest_memory.h"

namespace supermachine::kvm {

// A kvm_cpuid2 with room for its entries, as the ioctls want it.
inline constexpr std::uint32_t kMaxCpuidEntries = 200;

class CpuidTable {
 public:
  explicit CpuidTable(std::uint32_t capacity);
  explicit CpuidTable(std::span<const kvm_cpuid_entry2> entries);

  [[nodiscard]] kvm_cpuid2* header() noexcept;
  [[nodiscard]] std::vector<kvm_cpuid_entry2> entries() const;

 private:
  std::vector<std::byte> bytes_;
};

// Why a vCPU came back. Spans are valid until the next run().
struct PioWrite {
  std::uint16_t port;
  std::uint8_t size;  // of one item; `data` holds a multiple of it (string output)
  std::span<const std::byte> data;
};
struct PioRead {
  std::uint16_t port;
  std::uint8_t size;
  std::span<std::byte> data;
};
struct MmioWrite {
  GuestAddr addr;
  std::span<const std::byte> data;
};
struct MmioRead {
  GuestAddr addr;
  std::span<std::byte> data;
};
struct Halted {};       // only without the in-kernel irqchip
struct ShutDown {};     // a triple fault
struct Interrupted {};  // kick_thread() asked the vCPU to look up
struct Failed {         // KVM cannot go on with this vCPU; `reason` for people
  std::string reason;
};
using Exit =
    std::variant<PioWrite, PioRead, MmioWrite, MmioRead, Halted, ShutDown, Interrupted, Failed>;

// Of a machine's vCPUs the first sets the time that its TSC shows; the others are set to go with
// it.
enum class TscWrite : std::uint8_t { kAnew, kAsTheFirst };

class Vcpu {
 public:
  // `run_size` of the area shared with the kernel, `xsave_size` of what KVM_GET_XSAVE2 gives.
  static Result<Vcpu> adopt(UniqueFd fd, std::size_t run_size, std::size_t xsave_size);

  // What follows CPUID has to be set again when the machine's time goes on at another moment; the
  // CPUID of a vCPU that has run may not change.
  Status set_cpuid(std::span<const kvm_cpuid_entry2> cpuid) const;
  Status set_state(const VcpuState& state, TscWrite tsc) const;
  // `msrs` are System::msr_indices(). The vCPU must be out of the guest with its last exit
  // completed: see complete_exit().
  [[nodiscard]] Result<VcpuState> state(std::span<const std::uint32_t> msrs) const;
  // Has KVM map guest memory that the host has in place already, so that touching it costs the
  // guest no exit. Where KVM cannot (before Linux 6.11, or with shadow paging) nothing happens.
  void prefault(GuestAddr start, std::uint64_t length) const;

  // Finishes what the last exit left to do in the guest (the register that a device read fills)
  // without running it. On the thread that calls run().
  Status complete_exit();
  // Parts of it: of a vCPU that has just been made, to start a VcpuState from.
  [[nodiscard]] Result<kvm_sregs> sregs() const;
  [[nodiscard]] Result<kvm_regs> regs() const;
  // Whether the vCPU waits in HLT. Only from the thread that runs it.
  [[nodiscard]] Result<bool> is_halted() const;
  [[nodiscard]] Result<kvm_lapic_state> lapic() const;
  [[nodiscard]] Result<std::uint32_t> tsc_khz() const;  // KVM_GET_TSC_KHZ, 4.56

  // Has the guest's para-virtual clock say that it was stopped, so that its watchdogs do not take
  // the time until now for a hang (KVM_KVMCLOCK_CTRL, 4.70). A guest without such a clock is not
  // told.
  void tell_of_pause() const;

  // Enters the guest. On the thread that called prepare_thread().
  Result<Exit> run();

  // Once, on the thread that will call run(): keeps the kick signal blocked except inside KVM_RUN,
  // so a kick is never lost and needs no signal handler in the caller's process.
  Status prepare_thread() const;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  Vcpu(UniqueFd fd, Mapping run, std::size_t xsave_size)
      : fd_(std::move(fd)), run_(std::move(run)), xsave_size_(xsave_size) {}
  [[nodiscard]] kvm_run& shared() const noexcept;
  UniqueFd fd_;
  Mapping run_;
  std::size_t xsave_size_;
};

// Makes run() on `thread` return Interrupted, now or the next time it is entered. Any thread.
void kick_thread(pthread_t thread);

}  // namespace supermachine::kvm
