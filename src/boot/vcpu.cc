// SPDX-License-Identifier: Apache-2.0
#include "boot/vcpu.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "boot/layout.h"

namespace supermachine::boot {
namespace {

constexpr std::uint32_t kMsrMiscEnable = 0x1a0;
constexpr std::uint64_t kFastStrings = 1;
constexpr std::uint32_t kMsrMtrrDefaultType = 0x2ff;
constexpr std::uint64_t kMtrrEnabledWriteBack = 0x806;

constexpr std::uint16_t kBootCode = 0x10;
constexpr std::uint16_t kBootData = 0x18;
constexpr std::uint16_t kBootTask = 0x20;

constexpr kvm_segment make_segment(std::uint16_t selector, std::uint8_t type, bool code) {
  kvm_segment segment{};
  segment.limit = 0xffff'ffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.db = code ? 0 : 1;
  segment.s = 1;
  segment.l = code ? 1 : 0;
  segment.g = 1;
  return segment;
}

// SDM 2A, CPUID leaves 0xb and 0x1f: one thread a core, all cores in one package.
void set_topology(kvm_cpuid_entry2& entry, std::uint32_t id, std::uint32_t count) {
  const auto shift = static_cast<std::uint32_t>(std::bit_width(count - 1));
  constexpr std::uint32_t kThreadLevel = 1 << 8;
  constexpr std::uint32_t kCoreLevel = 2 << 8;
  entry.eax = entry.ebx = entry.ecx = 0;
  entry.edx = id;
  if (entry.index == 0) {
    entry.ebx = 1;
    entry.ecx = kThreadLevel;
  } else if (entry.index == 1) {
    entry.eax = shift;
    entry.ebx = count;
    entry.ecx = kCoreLevel | 1;
  }
}

// What a guest may enable in XCR0: CPUID leaf 0xd (SDM 1, 13.2). Linux enables all of it first
// thing. Doing so before makes KVM tell the sizes that go with it even where it does not see the
// guest's XSETBV, as on QEMU's emulated SVM; the kernel would give up AVX over wrong ones.
std::uint64_t extended_state(const std::vector<kvm_cpuid_entry2>& supported) {
  const auto found = std::ranges::find_if(
      supported, [](const auto& entry) { return entry.function == 0xd && entry.index == 0; });
  return found == supported.end() ? 0 : found->eax | (std::uint64_t{found->edx} << 32);
}

kvm_lapic_state wired_lapic(kvm_lapic_state lapic) {
  // SDM 3A, 11.5.1: the local vector table; delivery mode in bits 8 to 10.
  constexpr std::size_t kLint0 = 0x350;
  constexpr std::size_t kLint1 = 0x360;
  constexpr std::uint32_t kExtInt = 7 << 8;
  constexpr std::uint32_t kNmi = 4 << 8;
  std::memcpy(lapic.regs + kLint0, &kExtInt, sizeof(kExtInt));
  std::memcpy(lapic.regs + kLint1, &kNmi, sizeof(kNmi));
  return lapic;
}

}  // namespace

std::vector<kvm_cpuid_entry2> make_cpuid(std::vector<kvm_cpuid_entry2> supported, std::uint32_t id,
                                         std::uint32_t count) {
  for (kvm_cpuid_entry2& entry : supported) {
    switch (entry.function) {
      case 0x1: {
        constexpr std::uint32_t kTscDeadline = 1U << 24;
        constexpr std::uint32_t kHypervisor = 1U << 31;
        constexpr std::uint32_t kHyperThreading = 1U << 28;
        entry.ebx = (entry.ebx & 0x0000'ffff) | (std::min(count, 255U) << 16) | (id << 24);
        entry.ecx |= kTscDeadline | kHypervisor;
        entry.edx = count > 1 ? entry.edx | kHyperThreading : entry.edx & ~kHyperThreading;
        break;
      }
      case 0x4:  // cache leaves: how many share, how many cores there are
        entry.eax &= ~0xffff'c000U;
        if ((entry.eax & 0x1f) != 0) entry.eax |= (std::min(std::bit_ceil(count), 64U) - 1) << 26;
        break;
      case 0xa:  // performance counters: state we could not carry over a snapshot
        entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
        break;
      case 0x4000'0001: {
        // Asynchronous page faults: which of them are under way is known to KVM alone, so that a
        // guest loaded into a machine that ran another could wait for one that nobody tells it of.
        constexpr std::uint32_t kAsyncPageFaults = 1U << 4 | 1U << 10 | 1U << 14;
        entry.eax &= ~kAsyncPageFaults;
        break;
      }
      case 0xb:
      case 0x1f:
        set_topology(entry, id, count);
        break;
      case 0x8000'0008:
        entry.ecx = count - 1;
        break;
      case 0x8000'001e:  // AMD: extended APIC id, unit id, node id
        entry.eax = id;
        entry.ebx = id;
        entry.ecx = 0;
        break;
      default:
        break;
    }
  }
  return supported;
}

Result<kvm::VcpuState> initial_vcpu_state(const kvm::Vcpu& vcpu, const LoadedKernel& kernel,
                                          const std::vector<kvm_cpuid_entry2>& supported,
                                          std::uint32_t id, std::uint32_t count) {
  kvm::VcpuState state{.regs = SM_TRY(vcpu.regs()),
                       .sregs = SM_TRY(vcpu.sregs()),
                       .lapic = wired_lapic(SM_TRY(vcpu.lapic()))};
  state.cpuid = make_cpuid(supported, id, count);
  state.msrs = {{kMsrMiscEnable, kFastStrings}, {kMsrMtrrDefaultType, kMtrrEnabledWriteBack}};
  state.xcr0 = extended_state(supported);
  state.mp_state.mp_state = id == 0 ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
  if (id != 0) return state;

  kvm_sregs& sregs = state.sregs;
  sregs.cs = make_segment(kBootCode, 0xb, true);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = make_segment(kBootData, 0x3, false);
  sregs.tr = make_segment(kBootTask, 0xb, false);
  sregs.tr.s = sregs.tr.db = 0;
  sregs.gdt = {.base = static_cast<std::uint64_t>(kGdtAddr), .limit = 6 * 8 - 1, .padding = {}};
  sregs.idt = {};
  sregs.cr3 = static_cast<std::uint64_t>(kPml4Addr);
  sregs.cr4 |= 0x20;         // PAE
  sregs.cr0 |= 0x8000'0001;  // PG, PE
  sregs.efer |= 0x500;       // LMA, LME
  state.regs.rip = static_cast<std::uint64_t>(kernel.entry);
  state.regs.rsp = state.regs.rbp = static_cast<std::uint64_t>(kBootStackAddr);
  state.regs.rsi = static_cast<std::uint64_t>(kBootParamsAddr);
  state.regs.rflags = 2;
  return state;
}

}  // namespace supermachine::boot
