#include "kvm/kvm.h"

#include <fcntl.h>

#include <cstring>

namespace supermachine::kvm {
namespace {

// Where KVM may put what real mode on old Intel processors needs: three pages and one, below the
// firmware's place at the top of the 4 GiB space (api.rst 4.35 and 4.41).
constexpr std::uint64_t kIdentityMapAddr = 0xfffb'c000;
constexpr unsigned long kTssAddr = 0xfffb'd000;

constexpr std::uint32_t kMaxCpuidEntries = 200;

}  // namespace

Result<System> System::open() {
  auto fd = sys::open("/dev/kvm", O_RDWR);
  if (!fd.ok()) {
    switch (fd.error().os_errno()) {
      case ENOENT:
        return Error(Errc::kUnsupported,
                     "/dev/kvm does not exist: load kvm_intel or kvm_amd, or enable virtualization "
                     "in the firmware (or nested virtualization in this VM's host)");
      case EACCES:
      case EPERM:
        return Error(Errc::kUnsupported,
                     "/dev/kvm: permission denied: add yourself to the group that owns it, usually "
                     "kvm (`usermod -aG kvm $USER`, then log in again)");
      default:
        return Error(Errc::kUnsupported, fd.error().message());
    }
  }
  System system(std::move(fd).value());
  const int version = SM_TRY(sys::ioctl(system.fd(), KVM_GET_API_VERSION, "KVM_GET_API_VERSION"));
  if (version != KVM_API_VERSION) {
    return Error(Errc::kUnsupported, "/dev/kvm speaks API version " + std::to_string(version) +
                                         ", we need " + std::to_string(KVM_API_VERSION));
  }
  return system;
}

int System::capability(int cap) const {
  const auto answer = sys::ioctl(fd_.get(), KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", cap);
  return answer.ok() ? answer.value() : 0;
}

Result<std::vector<kvm_cpuid_entry2>> System::supported_cpuid() const {
  CpuidTable table(kMaxCpuidEntries);
  SM_TRY(sys::ioctl(fd_.get(), KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", table.header()));
  return table.entries();
}

Result<Vm> Vm::create(const System& system) {
  const int run_size =
      SM_TRY(sys::ioctl(system.fd(), KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE"));
  UniqueFd vm(SM_TRY(sys::ioctl(system.fd(), KVM_CREATE_VM, "KVM_CREATE_VM")));
  return Vm(std::move(vm), static_cast<std::size_t>(run_size));
}

Status Vm::map_memory(const GuestMemory& memory) {
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    kvm_userspace_memory_region request{
        .slot = slot++,
        .flags = 0,
        .guest_phys_addr = static_cast<std::uint64_t>(region.start),
        .memory_size = region.bytes.size(),
        .userspace_addr = reinterpret_cast<std::uintptr_t>(region.bytes.data())};  // KVM's type
    SM_TRY(
        sys::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", &request));
  }
  return {};
}

Status Vm::create_irqchip() {
  std::uint64_t identity_map = kIdentityMapAddr;
  SM_TRY(
      sys::ioctl(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR", &identity_map));
  SM_TRY(sys::ioctl(fd_.get(), KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", kTssAddr));
  SM_TRY(sys::ioctl(fd_.get(), KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP"));
  // The speaker port is answered by KVM, so that a guest poking it costs us no exit.
  kvm_pit_config pit{};
  pit.flags = KVM_PIT_SPEAKER_DUMMY;
  SM_TRY(sys::ioctl(fd_.get(), KVM_CREATE_PIT2, "KVM_CREATE_PIT2", &pit));
  return {};
}

Result<Vcpu> Vm::create_vcpu(std::uint32_t id) {
  UniqueFd fd(SM_TRY(sys::ioctl(fd_.get(), KVM_CREATE_VCPU, "KVM_CREATE_VCPU", id)));
  return Vcpu::adopt(std::move(fd), run_size_);
}

Status Vm::add_ioeventfd(int event_fd, GuestAddr addr, std::uint32_t value) {
  kvm_ioeventfd request{};
  request.datamatch = value;
  request.addr = static_cast<std::uint64_t>(addr);
  request.len = sizeof(value);
  request.fd = event_fd;
  request.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
  SM_TRY(sys::ioctl(fd_.get(), KVM_IOEVENTFD, "KVM_IOEVENTFD", &request));
  return {};
}

Status Vm::add_irqfd(int event_fd, std::uint32_t irq) {
  kvm_irqfd request{};
  request.fd = static_cast<std::uint32_t>(event_fd);
  request.gsi = irq;
  SM_TRY(sys::ioctl(fd_.get(), KVM_IRQFD, "KVM_IRQFD", &request));
  return {};
}

}  // namespace supermachine::kvm
