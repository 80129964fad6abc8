// SPDX-License-Identifier: Apache-2.0
#include "kvm/vcpu.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/sys.h"

namespace supermachine::kvm {
namespace {

int kick_signal() { return SIGRTMIN; }

sigset_t kick_set() {
  sigset_t set{};
  ::sigemptyset(&set);
  ::sigaddset(&set, kick_signal());
  return set;
}

// The kernel's sigset_t: one bit per signal, 64 of them; glibc's type is larger.
constexpr std::uint32_t kKernelSigsetSize = 8;

std::string entry_failure(const kvm_run& run) {
  return "KVM cannot enter the guest (hardware reason " +
         std::to_string(run.fail_entry.hardware_entry_failure_reason) + ")";
}

}  // namespace

CpuidTable::CpuidTable(std::uint32_t capacity)
    : bytes_(sizeof(kvm_cpuid2) + capacity * sizeof(kvm_cpuid_entry2)) {
  header()->nent = capacity;
}

CpuidTable::CpuidTable(std::span<const kvm_cpuid_entry2> entries)
    : CpuidTable(static_cast<std::uint32_t>(entries.size())) {
  if (!entries.empty()) std::memcpy(header()->entries, entries.data(), entries.size_bytes());
}

kvm_cpuid2* CpuidTable::header() noexcept {
  return reinterpret_cast<kvm_cpuid2*>(bytes_.data());  // ends in a flexible array
}

std::vector<kvm_cpuid_entry2> CpuidTable::entries() const {
  const auto* table = reinterpret_cast<const kvm_cpuid2*>(bytes_.data());
  return {table->entries, table->entries + table->nent};
}

Result<Vcpu> Vcpu::adopt(UniqueFd fd, std::size_t run_size, std::size_t xsave_size) {
  Mapping run = SM_TRY(Mapping::create(run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
  return Vcpu(std::move(fd), std::move(run), xsave_size);
}

Result<kvm_sregs> Vcpu::sregs() const {
  kvm_sregs sregs{};
  SM_TRY(sys::ioctl(fd(), KVM_GET_SREGS, "KVM_GET_SREGS", &sregs));
  return sregs;
}

Result<kvm_regs> Vcpu::regs() const {
  kvm_regs regs{};
  SM_TRY(sys::ioctl(fd(), KVM_GET_REGS, "KVM_GET_REGS", &regs));
  return regs;
}

Result<bool> Vcpu::is_halted() const {
  kvm_mp_state state{};
  SM_TRY(sys::ioctl(fd(), KVM_GET_MP_STATE, "KVM_GET_MP_STATE", &state));
  return state.mp_state == KVM_MP_STATE_HALTED;
}

Result<kvm_lapic_state> Vcpu::lapic() const {
  kvm_lapic_state lapic{};
  SM_TRY(sys::ioctl(fd(), KVM_GET_LAPIC, "KVM_GET_LAPIC", &lapic));
  return lapic;
}

Result<std::uint32_t> Vcpu::tsc_khz() const {
  return static_cast<std::uint32_t>(SM_TRY(sys::ioctl(fd(), KVM_GET_TSC_KHZ, "KVM_GET_TSC_KHZ")));
}

void Vcpu::tell_of_pause() const {
  // Fails where the guest has no such clock.
  static_cast<void>(sys::ioctl(fd(), KVM_KVMCLOCK_CTRL, "KVM_KVMCLOCK_CTRL").ok());
}

Status Vcpu::prepare_thread() const {
  const sigset_t kick = kick_set();
  sigset_t old{};
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &kick, &old); error != 0) {
    return Error::from_errno("pthread_sigmask", error);
  }
  // Inside KVM_RUN everything stays as the caller has it, but the kick gets through.
  ::sigdelset(&old, kick_signal());
  std::byte bytes[sizeof(kvm_signal_mask) + kKernelSigsetSize]{};
  auto* mask = reinterpret_cast<kvm_signal_mask*>(bytes);  // ends in a flexible array
  mask->len = kKernelSigsetSize;
  std::memcpy(mask->sigset, &old, kKernelSigsetSize);
  SM_TRY(sys::ioctl(fd(), KVM_SET_SIGNAL_MASK, "KVM_SET_SIGNAL_MASK", mask));
  return {};
}

kvm_run& Vcpu::shared() const noexcept {
  return *reinterpret_cast<kvm_run*>(run_.bytes().data());  // the layout is the kernel's
}

Result<Exit> Vcpu::run() {
  if (::ioctl(fd(), KVM_RUN, 0) < 0) {
    if (errno == EINTR) {
      // The signal is the message; it is still pending and would end every later KVM_RUN at once.
      const sigset_t kick = kick_set();
      const timespec now{};
      static_cast<void>(::sigtimedwait(&kick, nullptr, &now));
      return Exit(Interrupted{});
    }
    if (errno == EAGAIN)
      return Exit(Interrupted{});  // not started yet (KVM_MP_STATE_UNINITIALIZED)
    return Error::from_errno("KVM_RUN");
  }
  kvm_run& run = shared();
  switch (run.exit_reason) {
    case KVM_EXIT_IO: {
      const auto data =
          run_.bytes().subspan(run.io.data_offset, std::size_t{run.io.size} * run.io.count);
      if (run.io.direction == KVM_EXIT_IO_OUT)
        return Exit(PioWrite{run.io.port, run.io.size, data});
      return Exit(PioRead{run.io.port, run.io.size, data});
    }
    case KVM_EXIT_MMIO: {
      const auto data = std::as_writable_bytes(std::span(run.mmio.data).first(run.mmio.len));
      if (run.mmio.is_write != 0) return Exit(MmioWrite{GuestAddr{run.mmio.phys_addr}, data});
      return Exit(MmioRead{GuestAddr{run.mmio.phys_addr}, data});
    }
    case KVM_EXIT_HLT:
      return Exit(Halted{});
    case KVM_EXIT_SHUTDOWN:
      return Exit(ShutDown{});
    case KVM_EXIT_INTR:
      return Exit(Interrupted{});
    case KVM_EXIT_FAIL_ENTRY:
      return Exit(Failed{entry_failure(run)});
    case KVM_EXIT_INTERNAL_ERROR:
      return Exit(Failed{"KVM internal error, suberror " + std::to_string(run.internal.suberror)});
    default:
      return Exit(Failed{"unexpected KVM exit " + std::to_string(run.exit_reason)});
  }
}

// Advice only: what is not mapped now is mapped when it is touched.
void Vcpu::prefault(GuestAddr start, std::uint64_t length) const {
  kvm_pre_fault_memory range{};
  range.gpa = static_cast<std::uint64_t>(start);
  range.size = length;
  while (range.size != 0) {  // KVM moves on the range by what is done
    const std::uint64_t before = range.size;
    if (!sys::ioctl(fd(), KVM_PRE_FAULT_MEMORY, "KVM_PRE_FAULT_MEMORY", &range).ok()) return;
    if (range.size == before) return;
  }
}

// api.rst, 5: a register that an exit left to be filled is filled when KVM_RUN is entered again.
Status Vcpu::complete_exit() {
  shared().immediate_exit = 1;
  const auto exit = run();
  shared().immediate_exit = 0;
  if (!exit.ok()) return exit.error();
  if (!std::holds_alternative<Interrupted>(exit.value()))
    return Error(Errc::kOs, "a vCPU ran that was only to finish its last exit");
  return {};
}

void kick_thread(pthread_t thread) { ::pthread_kill(thread, kick_signal()); }

}  // namespace supermachine::kvm
