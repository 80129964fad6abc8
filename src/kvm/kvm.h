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
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  explicit System(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

class Vm {
 public:
  static Result<Vm> create(const System& system);

  // Gives the guest every region of `memory`, which must outlive the Vm.
  Status map_memory(const GuestMemory& memory);

  // The in-kernel interrupt controllers (PIC, IOAPIC, a LAPIC per vCPU) and the PIT. Before vCPUs.
  Status create_irqchip();

  // vCPUs share the Vm's memory and interrupt controllers, so they must not outlive it.
  Result<Vcpu> create_vcpu(std::uint32_t id);

  // A guest write of `value` (4 bytes wide) to `addr` signals `event_fd` instead of exiting to
  // us (KVM_IOEVENTFD, 4.59).
  Status add_ioeventfd(int event_fd, GuestAddr addr, std::uint32_t value);

  // Each signal on `event_fd` is one edge on interrupt line `irq` (KVM_IRQFD, 4.75).
  Status add_irqfd(int event_fd, std::uint32_t irq);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  Vm(UniqueFd fd, std::size_t run_size) : fd_(std::move(fd)), run_size_(run_size) {}
  UniqueFd fd_;
  std::size_t run_size_;  // of the area a vCPU shares with the kernel
};

}  // namespace supermachine::kvm
