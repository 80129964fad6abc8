// SPDX-License-Identifier: Apache-2.0
#include "kvm/kvm.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

namespace supermachine::kvm {
namespace {

// Where KVM may put what real mode on old Intel processors needs: three pages and one, below the
// firmware's place at the top of the 4 GiB space (api.rst 4.35 and 4.41).
constexpr std::uint64_t kIdentityMapAddr = 0xfffb'c000;
constexpr unsigned long kTssAddr = 0xfffb'd000;

constexpr std::uint32_t kMaxMsrs = 1000;

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

Result<std::vector<std::uint32_t>> System::msr_indices() const {
  std::vector<std::uint32_t> list(1 + kMaxMsrs);  // a count, then as many indices
  list[0] = kMaxMsrs;
  SM_TRY(sys::ioctl(fd_.get(), KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST", list.data()));
  const std::uint32_t count = list[0];
  list.erase(list.begin());
  list.resize(count);
  return list;
}

Result<Vm> Vm::create(const System& system) {
  const int run_size =
      SM_TRY(sys::ioctl(system.fd(), KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE"));
  UniqueFd vm(SM_TRY(sys::ioctl(system.fd(), KVM_CREATE_VM, "KVM_CREATE_VM")));
  kvm_enable_cap request{};
  request.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
  request.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
  if (!sys::ioctl(vm.get(), KVM_ENABLE_CAP, "KVM_ENABLE_CAP", &request).ok()) {
    return Error(Errc::kUnsupported, "this kernel's KVM is too old: Linux 5.4 is the least");
  }
  const int xsave_size = system.capability(KVM_CAP_XSAVE2);
  return Vm(std::move(vm), static_cast<std::size_t>(run_size),
            std::max(sizeof(kvm_xsave), static_cast<std::size_t>(xsave_size)));
}

Status Vm::map_memory(const GuestMemory& memory, bool log_dirty_pages) {
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    kvm_userspace_memory_region request{
        .slot = slot++,
        .flags = log_dirty_pages ? std::uint32_t{KVM_MEM_LOG_DIRTY_PAGES} : 0,
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

namespace {

// The part of a set of pages that belongs to `region`, which starts at a multiple of 64 of them.
template <typename Words>
auto words_of(Words words, const GuestMemory& memory, const GuestMemory::Region& region) {
  const auto first = static_cast<std::size_t>(region.bytes.data() - memory.bytes().data()) /
                     kPageSize / PageSet::kWordPages;
  const std::size_t pages = region.bytes.size() / kPageSize;
  return words.subspan(first, (pages + PageSet::kWordPages - 1) / PageSet::kWordPages);
}

}  // namespace

Status Vm::get_dirty_pages(const GuestMemory& memory, PageSet& out) const {
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    const auto words = words_of(out.words(), memory, region);
    std::vector<std::uint64_t> log(words.size());
    kvm_dirty_log request{};
    request.slot = slot++;
    request.dirty_bitmap = log.data();
    SM_TRY(sys::ioctl(fd_.get(), KVM_GET_DIRTY_LOG, "KVM_GET_DIRTY_LOG", &request));
    for (std::size_t i = 0; i < words.size(); ++i) words[i] |= log[i];
  }
  return {};
}

Status Vm::clear_dirty_pages(const GuestMemory& memory, const PageSet& pages) const {
  std::uint32_t slot = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    const auto words = words_of(pages.words(), memory, region);
    std::vector<std::uint64_t> log(words.begin(), words.end());
    kvm_clear_dirty_log request{};
    request.slot = slot++;
    request.num_pages = static_cast<std::uint32_t>(region.bytes.size() / kPageSize);
    request.dirty_bitmap = log.data();
    SM_TRY(sys::ioctl(fd_.get(), KVM_CLEAR_DIRTY_LOG, "KVM_CLEAR_DIRTY_LOG", &request));
  }
  return {};
}

Result<VmState> Vm::state() const {
  VmState state;
  for (std::uint32_t chip = 0; chip < state.irqchips.size(); ++chip) {
    state.irqchips[chip].chip_id = chip;
    SM_TRY(sys::ioctl(fd_.get(), KVM_GET_IRQCHIP, "KVM_GET_IRQCHIP", &state.irqchips[chip]));
  }
  SM_TRY(sys::ioctl(fd_.get(), KVM_GET_PIT2, "KVM_GET_PIT2", &state.pit));
  kvm_clock_data clock{};
  SM_TRY(sys::ioctl(fd_.get(), KVM_GET_CLOCK, "KVM_GET_CLOCK", &clock));
  state.clock_ns = clock.clock;
  return state;
}

Status Vm::set_state(const VmState& state) const {
  kvm_pit_state2 pit = state.pit;
  SM_TRY(sys::ioctl(fd_.get(), KVM_SET_PIT2, "KVM_SET_PIT2", &pit));
  kvm_clock_data clock{};
  clock.clock = state.clock_ns;
  SM_TRY(sys::ioctl(fd_.get(), KVM_SET_CLOCK, "KVM_SET_CLOCK", &clock));
  for (const kvm_irqchip& saved : state.irqchips) {
    kvm_irqchip chip = saved;
    SM_TRY(sys::ioctl(fd_.get(), KVM_SET_IRQCHIP, "KVM_SET_IRQCHIP", &chip));
  }
  return {};
}

Result<Vcpu> Vm::create_vcpu(std::uint32_t id) {
  UniqueFd fd(SM_TRY(sys::ioctl(fd_.get(), KVM_CREATE_VCPU, "KVM_CREATE_VCPU", id)));
  return Vcpu::adopt(std::move(fd), run_size_, xsave_size_);
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
