// SPDX-License-Identifier: Apache-2.0
// Taking a vCPU's state out of KVM and putting it back. The order of both is the one that is known
// to work: what later calls depend on comes first.
#include <algorithm>
#include <cstring>

#include "base/sys.h"
#include "kvm/vcpu.h"

namespace supermachine::kvm {
namespace {

constexpr std::uint32_t kMsrTsc = 0x10;
constexpr std::uint32_t kMsrTscDeadline = 0x6e0;
// Hyper-V's, which no guest of ours is offered, and KVM makes structures for those who write them.
constexpr std::uint32_t kFirstHyperVMsr = 0x4000'0000;
constexpr std::uint32_t kLastHyperVMsr = 0x4000'01ff;

// A kvm_msrs with its entries, as the ioctls want it.
class MsrTable {
 public:
  explicit MsrTable(std::size_t capacity)
      : bytes_(sizeof(kvm_msrs) + capacity * sizeof(kvm_msr_entry)) {}
  [[nodiscard]] kvm_msrs* header() noexcept {
    return reinterpret_cast<kvm_msrs*>(bytes_.data());  // ends in a flexible array
  }
  void add(std::uint32_t index, std::uint64_t value) {
    header()->entries[header()->nmsrs++] = {.index = index, .reserved = 0, .data = value};
  }

 private:
  std::vector<std::byte> bytes_;
};

// A TSC that is not within a second of `value`. KVM takes one that is for an attempt to make vCPUs
// alike and changes nothing, so that a machine that is loaded again soon would keep its old time.
std::uint64_t other_tsc(std::uint64_t value, std::uint32_t khz) {
  const std::uint64_t other = value - std::uint64_t{khz} * 2000;
  return other == 0 ? 1 : other;  // 0 stands for the same attempt
}

Status set_msrs(int vcpu, const VcpuState& state, TscWrite tsc) {
  if (state.msrs.empty()) return {};
  MsrTable table(state.msrs.size() + 1);
  for (const Msr& msr : state.msrs) {
    if (msr.index == kMsrTsc && tsc == TscWrite::kAnew)
      table.add(kMsrTsc, other_tsc(msr.value, state.tsc_khz));
    table.add(msr.index, msr.value);
  }
  const auto done = static_cast<std::size_t>(
      SM_TRY(sys::ioctl(vcpu, KVM_SET_MSRS, "KVM_SET_MSRS", table.header())));
  if (done == table.header()->nmsrs) return {};
  return Error(Errc::kUnsupported,
               "KVM refuses MSR " + std::to_string(table.header()->entries[done].index));
}

// Those of `indices` that this vCPU has: KVM lists more than its CPUID may allow.
Result<std::vector<Msr>> get_msrs(int vcpu, std::span<const std::uint32_t> indices) {
  std::vector<Msr> out;
  while (!indices.empty()) {
    MsrTable table(indices.size());
    for (const std::uint32_t index : indices) table.add(index, 0);
    const auto got = static_cast<std::size_t>(
        SM_TRY(sys::ioctl(vcpu, KVM_GET_MSRS, "KVM_GET_MSRS", table.header())));
    for (std::size_t i = 0; i < got; ++i) {
      const kvm_msr_entry& entry = table.header()->entries[i];
      out.push_back({entry.index, entry.data});
    }
    indices = indices.subspan(std::min(got + 1, indices.size()));  // it stopped at one it lacks
  }
  // The deadline is compared with the TSC, which therefore has to be set before.
  std::stable_partition(out.begin(), out.end(),
                        [](const Msr& msr) { return msr.index != kMsrTscDeadline; });
  return out;
}

}  // namespace

Status Vcpu::set_cpuid(std::span<const kvm_cpuid_entry2> cpuid) const {
  CpuidTable table(cpuid);
  SM_TRY(sys::ioctl(fd(), KVM_SET_CPUID2, "KVM_SET_CPUID2", table.header()));
  return {};
}

// The APIC's base (sregs) before the APIC; the APIC before the MSRs, or a timer's deadline is lost.
Status Vcpu::set_state(const VcpuState& state, TscWrite tsc) const {
  if (state.tsc_khz != 0) {
    if (SM_TRY(tsc_khz()) != state.tsc_khz)
      SM_TRY(sys::ioctl(fd(), KVM_SET_TSC_KHZ, "KVM_SET_TSC_KHZ", state.tsc_khz));
  }
  kvm_mp_state mp_state = state.mp_state;
  SM_TRY(sys::ioctl(fd(), KVM_SET_MP_STATE, "KVM_SET_MP_STATE", &mp_state));
  kvm_regs regs = state.regs;
  SM_TRY(sys::ioctl(fd(), KVM_SET_REGS, "KVM_SET_REGS", &regs));
  kvm_sregs sregs = state.sregs;
  SM_TRY(sys::ioctl(fd(), KVM_SET_SREGS, "KVM_SET_SREGS", &sregs));
  if (!state.xsave.empty()) {
    std::vector<std::byte> area = state.xsave;
    area.resize(std::max(area.size(), xsave_size_));  // KVM reads as much as it would write
    SM_TRY(sys::ioctl(fd(), KVM_SET_XSAVE, "KVM_SET_XSAVE", area.data()));
  }
  if (state.xcr0 != 0) {
    kvm_xcrs xcrs{};
    xcrs.nr_xcrs = 1;
    xcrs.xcrs[0].value = state.xcr0;  // .xcr is 0, its name
    SM_TRY(sys::ioctl(fd(), KVM_SET_XCRS, "KVM_SET_XCRS", &xcrs));
  }
  if (state.debugregs) {
    kvm_debugregs debugregs = *state.debugregs;
    SM_TRY(sys::ioctl(fd(), KVM_SET_DEBUGREGS, "KVM_SET_DEBUGREGS", &debugregs));
  }
  if (state.lapic) {
    kvm_lapic_state lapic = *state.lapic;
    SM_TRY(sys::ioctl(fd(), KVM_SET_LAPIC, "KVM_SET_LAPIC", &lapic));
  }
  SM_TRY(set_msrs(fd(), state, tsc));
  if (state.events) {
    kvm_vcpu_events events = *state.events;
    SM_TRY(sys::ioctl(fd(), KVM_SET_VCPU_EVENTS, "KVM_SET_VCPU_EVENTS", &events));
  }
  return {};
}

// MP state first: asking for it has KVM take in events that would change what follows.
Result<VcpuState> Vcpu::state(std::span<const std::uint32_t> msrs) const {
  VcpuState state;
  SM_TRY(sys::ioctl(fd(), KVM_GET_MP_STATE, "KVM_GET_MP_STATE", &state.mp_state));
  state.regs = SM_TRY(regs());
  state.sregs = SM_TRY(sregs());
  state.xsave.resize(xsave_size_);
  if (xsave_size_ > sizeof(kvm_xsave)) {
    SM_TRY(sys::ioctl(fd(), KVM_GET_XSAVE2, "KVM_GET_XSAVE2", state.xsave.data()));
  } else {
    SM_TRY(sys::ioctl(fd(), KVM_GET_XSAVE, "KVM_GET_XSAVE", state.xsave.data()));
  }
  kvm_xcrs xcrs{};
  SM_TRY(sys::ioctl(fd(), KVM_GET_XCRS, "KVM_GET_XCRS", &xcrs));
  if (xcrs.nr_xcrs > 0) state.xcr0 = xcrs.xcrs[0].value;
  SM_TRY(sys::ioctl(fd(), KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS", &state.debugregs.emplace()));
  state.lapic = SM_TRY(lapic());
  std::vector<std::uint32_t> wanted(msrs.begin(), msrs.end());
  std::erase_if(wanted,
                [](std::uint32_t i) { return i >= kFirstHyperVMsr && i <= kLastHyperVMsr; });
  state.msrs = SM_TRY(get_msrs(fd(), wanted));
  SM_TRY(sys::ioctl(fd(), KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS", &state.events.emplace()));
  state.tsc_khz = SM_TRY(tsc_khz());
  CpuidTable cpuid(kMaxCpuidEntries);
  SM_TRY(sys::ioctl(fd(), KVM_GET_CPUID2, "KVM_GET_CPUID2", cpuid.header()));
  state.cpuid = cpuid.entries();
  return state;
}

}  // namespace supermachine::kvm
