// SPDX-License-Identifier: Apache-2.0
// Typed /dev/kvm: the system and a virtual machine. Knows ioctls and nothing about devices, boot
// protocols or images. Section numbers refer to the kernel's Documentation/virt/kvm/api.rst.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/sys.h"
#include "kvm/uapi.h"
#include "kvm/vcpu.h"
#include "memory/guest_memory.h"

namespace supermachine::kvm {

// The open device. Safe to share between threads: every call is one ioctl.
class System {
 public:
  // kUnsupported when /dev/kvm is absent, not permitted or not the one API version there is; the
  // message says which and what to do.
  static Result<System> open();

  // KVM_CHECK_EXTENSION, 4.4: 0 means no.
  [[nodiscard]] int capability(int cap) const;
  // KVM_GET_SUPPORTED_CPUID, 4.46.
  [[nodiscard]] Result<std::vector<kvm_cpuid_entry2>> supported_cpuid() const;
  // KVM_GET_MSR_INDEX_LIST, 4.3: what has to be saved.
  [[nodiscard]] Result<std::vector<std::uint32_t>> msr_indices() const;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  explicit System(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

class Vm {
 public:
  // kUnsupported when this KVM cannot log written pages as we need it (Linux before 5.4).
  static Result<Vm> create(const System& system);

  // Gives the guest every region of `memory`, which must outlive the Vm; each is a slot. Again,
  // with the same memory, turns the log of written pages on or off. Before create_irqchip() where
  // speed matters: later KVM waits for all processors.
  Status map_memory(const GuestMemory& memory, bool log_dirty_pages);

  // Adds the pages of `memory` that the guest wrote since they were last cleared, or since logging
  // began, to `out` (KVM_GET_DIRTY_LOG, 4.8). Costs a bit for each page of memory.
  Status get_dirty_pages(const GuestMemory& memory, PageSet& out) const;
  // Has the log forget `pages`, and notice when they are written again (KVM_CLEAR_DIRTY_LOG,
  // 4.117).
  Status clear_dirty_pages(const GuestMemory& memory, const PageSet& pages) const;

  // The in-kernel interrupt controllers (PIC, IOAPIC, a LAPIC per vCPU) and the PIT. Before vCPUs.
  Status create_irqchip();

  [[nodiscard]] Result<VmState> state() const;
  Status set_state(const VmState& state) const;

  // vCPUs share the Vm's memory and interrupt controllers, so they must not outlive it.
  Result<Vcpu> create_vcpu(std::uint32_t id);

  // A guest write of `value` (4 bytes wide) to `addr` signals `event_fd` instead of exiting to
  // us (KVM_IOEVENTFD, 4.59).
  Status add_ioeventfd(int event_fd, GuestAddr addr, std::uint32_t value);

  // Each signal on `event_fd` is one edge on interrupt line `irq` (KVM_IRQFD, 4.75).
  Status add_irqfd(int event_fd, std::uint32_t irq);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  Vm(UniqueFd fd, std::size_t run_size, std::size_t xsave_size)
      : fd_(std::move(fd)), run_size_(run_size), xsave_size_(xsave_size) {}
  UniqueFd fd_;
  std::size_t run_size_;    // of the area a vCPU shares with the kernel
  std::size_t xsave_size_;  // of a vCPU's extended state
};

}  // namespace supermachine::kvm
