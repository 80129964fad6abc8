// SPDX-License-Identifier: Apache-2.0
#include "support/restore_floor.h"

#include <sys/mman.h>

#include <thread>

#include "kvm/kvm.h"
#include "memory/guest_memory.h"

namespace supermachine::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned long kTssAddr = 0xfffb'd000;

// A virtual machine as bare as it goes. Of the project's code only owners of descriptors.
class Floor {
 public:
  Floor(const kvm::System& system, int memory, std::uint64_t bytes, const MachineState& state)
      : system_(system),
        file_(memory),
        bytes_(bytes),
        state_(state),
        cpuid_(state.vcpus[0].cpuid) {}

  Status map(int flags, int fd) {
    memory_.emplace(SM_TRY(Mapping::create(bytes_, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_NORESERVE | flags, fd, 0)));
    return {};
  }

  Status make_vm() {
    vm_ = UniqueFd(SM_TRY(sys::ioctl(system_.fd(), KVM_CREATE_VM, "KVM_CREATE_VM")));
    return {};
  }

  Status add_slots() {
    const std::uint64_t low = std::min(bytes_, kMmioHoleStart);
    SM_TRY(add_slot(0, 0, memory_->bytes().first(low)));
    return bytes_ > low ? add_slot(1, kMmioHoleEnd, memory_->bytes().subspan(low)) : Status();
  }

  Status make_vcpu() {
    SM_TRY(sys::ioctl(vm_.get(), KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", kTssAddr));
    SM_TRY(sys::ioctl(vm_.get(), KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP"));
    vcpu_ = UniqueFd(SM_TRY(sys::ioctl(vm_.get(), KVM_CREATE_VCPU, "KVM_CREATE_VCPU", 0)));
    const int size =
        SM_TRY(sys::ioctl(system_.fd(), KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE"));
    run_.emplace(SM_TRY(Mapping::create(static_cast<std::size_t>(size), PROT_READ | PROT_WRITE,
                                        MAP_SHARED, vcpu_.get(), 0)));
    SM_TRY(sys::ioctl(vcpu_.get(), KVM_SET_CPUID2, "KVM_SET_CPUID2", cpuid_.header()));
    return {};
  }

  Status set_registers() {
    kvm_sregs sregs = state_.vcpus[0].sregs;
    SM_TRY(sys::ioctl(vcpu_.get(), KVM_SET_SREGS, "KVM_SET_SREGS", &sregs));
    kvm_regs regs = state_.vcpus[0].regs;
    SM_TRY(sys::ioctl(vcpu_.get(), KVM_SET_REGS, "KVM_SET_REGS", &regs));
    return {};
  }

  Status run() {
    SM_TRY(sys::ioctl(vcpu_.get(), KVM_RUN, "KVM_RUN"));
    const auto& shared = *reinterpret_cast<const kvm_run*>(run_->bytes().data());
    if (shared.exit_reason != KVM_EXIT_IO || shared.io.port != 0x64)
      return Error(Errc::kGuestFault, "the tiny guest ended otherwise than by its reset");
    return {};
  }

  Status map_over() { return memory_->replace(0, bytes_, file_, 0); }
  Status drop() { return memory_->drop(0, bytes_); }

 private:
  Status add_slot(std::uint32_t slot, std::uint64_t address, std::span<std::byte> bytes) {
    kvm_userspace_memory_region region{
        .slot = slot,
        .flags = 0,
        .guest_phys_addr = address,
        .memory_size = bytes.size(),
        .userspace_addr = reinterpret_cast<std::uintptr_t>(bytes.data())};
    SM_TRY(
        sys::ioctl(vm_.get(), KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", &region));
    return {};
  }

  const kvm::System& system_;
  const int file_;
  const std::uint64_t bytes_;
  const MachineState& state_;
  kvm::CpuidTable cpuid_;
  std::optional<Mapping> memory_;
  UniqueFd vm_;
  UniqueFd vcpu_;
  std::optional<Mapping> run_;
};

}  // namespace

void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }

Result<FloorTimes> measure_floor(int memory, std::uint64_t bytes, const MachineState& state) {
  const kvm::System system = SM_TRY(kvm::System::open());
  FloorTimes times;
  settle();
  {
    auto begin = Clock::now();
    Floor cold(system, memory, bytes, state);
    SM_TRY(cold.make_vm());
    SM_TRY(cold.map(0, memory));
    SM_TRY(cold.add_slots());
    SM_TRY(cold.make_vcpu());
    SM_TRY(cold.set_registers());
    SM_TRY(cold.run());
    times.cold = Clock::now() - begin;
    begin = Clock::now();
    SM_TRY(cold.drop());
    SM_TRY(cold.set_registers());
    SM_TRY(cold.run());
    times.rewind = Clock::now() - begin;
  }
  Floor shell(system, memory, bytes, state);
  SM_TRY(shell.make_vm());
  SM_TRY(shell.map(MAP_ANONYMOUS, -1));
  SM_TRY(shell.add_slots());
  SM_TRY(shell.make_vcpu());
  settle();
  const auto begin = Clock::now();
  SM_TRY(shell.map_over());
  SM_TRY(shell.set_registers());
  SM_TRY(shell.run());
  times.shell = Clock::now() - begin;
  return times;
}

}  // namespace supermachine::bench
