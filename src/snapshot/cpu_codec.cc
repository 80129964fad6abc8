// SPDX-License-Identifier: Apache-2.0
// What KVM keeps: vCPUs, interrupt controllers, timer. Fields in the order of the kernel's structs,
// without their padding (docs/formats/snapshot.md has the table).
#include "snapshot/limits.h"
#include "snapshot/state_codec.h"

namespace supermachine::snapshot {
namespace {

template <typename Codec, typename T>
using Of = typename Codec::template Of<T>;

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_regs>& r) {
  codec(r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rsp, r.rbp);
  codec(r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip, r.rflags);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_segment>& s) {
  codec(s.base, s.limit, s.selector, s.type, s.present, s.dpl, s.db, s.s, s.l, s.g, s.avl,
        s.unusable);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_sregs>& s) {
  for (auto* segment : {&s.cs, &s.ds, &s.es, &s.fs, &s.gs, &s.ss, &s.tr, &s.ldt}) {
    fields(codec, *segment);
  }
  codec(s.gdt.base, s.gdt.limit, s.idt.base, s.idt.limit);
  codec(s.cr0, s.cr2, s.cr3, s.cr4, s.cr8, s.efer, s.apic_base);
  for (auto& bits : s.interrupt_bitmap) codec(bits);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_cpuid_entry2>& e) {
  codec(e.function, e.index, e.flags, e.eax, e.ebx, e.ecx, e.edx);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_debugregs>& d) {
  for (auto& address : d.db) codec(address);
  codec(d.dr6, d.dr7, d.flags);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_lapic_state>& lapic) {
  if constexpr (std::same_as<Codec, Encoder>) {
    codec.bytes(std::as_bytes(std::span(lapic.regs)));
  } else {
    codec.bytes(std::as_writable_bytes(std::span(lapic.regs)));
  }
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_vcpu_events>& e) {
  codec(e.exception.injected, e.exception.nr, e.exception.has_error_code, e.exception.pending,
        e.exception.error_code, e.exception_has_payload, e.exception_payload);
  codec(e.interrupt.injected, e.interrupt.nr, e.interrupt.soft, e.interrupt.shadow);
  codec(e.nmi.injected, e.nmi.pending, e.nmi.masked);
  codec(e.sipi_vector, e.flags);
  codec(e.smi.smm, e.smi.pending, e.smi.smm_inside_nmi, e.smi.latched_init);
  codec(e.triple_fault.pending);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm::VcpuState>& vcpu) {
  codec(vcpu.tsc_khz, vcpu.xcr0, vcpu.mp_state.mp_state);
  codec.check(vcpu.mp_state.mp_state <= KVM_MP_STATE_SUSPENDED, "no such processor state");
  fields(codec, vcpu.regs);
  fields(codec, vcpu.sregs);
  const auto each = [](auto& inner, auto& value) { fields(inner, value); };
  codec.list(vcpu.cpuid, kMaxCpuidEntries, "CPUID entries", each);
  codec.list(vcpu.msrs, kMaxMsrs, "MSRs",
             [](auto& inner, auto& msr) { inner(msr.index, msr.value); });
  codec.blob(vcpu.xsave, kMaxXsaveBytes, "bytes of XSAVE area");
  codec.check(vcpu.xsave.empty() || vcpu.xsave.size() >= kMinXsaveBytes,
              "the XSAVE area is too short");
  codec.optional(vcpu.debugregs, each);
  codec.optional(vcpu.lapic, each);
  codec.optional(vcpu.events, each);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_pic_state>& p) {
  codec(p.last_irr, p.irr, p.imr, p.isr, p.priority_add, p.irq_base, p.read_reg_select, p.poll,
        p.special_mask, p.init_state, p.auto_eoi, p.rotate_on_auto_eoi, p.special_fully_nested_mode,
        p.init4, p.elcr, p.elcr_mask);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, IrqchipStates>& chips) {
  fields(codec, chips[KVM_IRQCHIP_PIC_MASTER].chip.pic);
  fields(codec, chips[KVM_IRQCHIP_PIC_SLAVE].chip.pic);
  auto& ioapic = chips[KVM_IRQCHIP_IOAPIC].chip.ioapic;
  codec(ioapic.base_address, ioapic.ioregsel, ioapic.id, ioapic.irr);
  for (auto& entry : ioapic.redirtbl) codec(entry.bits);
}

template <typename Codec>
void fields(Codec& codec, Of<Codec, kvm_pit_state2>& pit) {
  for (auto& c : pit.channels) {
    codec(c.count, c.latched_count, c.count_latched, c.status_latched, c.status, c.read_state,
          c.write_state, c.write_latch, c.rw_mode, c.mode, c.bcd, c.gate, c.count_load_time);
  }
  codec(pit.flags);
}

}  // namespace

void encode(Encoder& encoder, const kvm::VcpuState& state) { fields(encoder, state); }
void decode(Decoder& decoder, kvm::VcpuState& state) { fields(decoder, state); }

void encode(Encoder& encoder, const IrqchipStates& state) { fields(encoder, state); }
void decode(Decoder& decoder, IrqchipStates& state) {
  for (std::uint32_t id = 0; id < state.size(); ++id) state[id].chip_id = id;
  fields(decoder, state);
}

void encode(Encoder& encoder, const kvm_pit_state2& state) { fields(encoder, state); }
void decode(Decoder& decoder, kvm_pit_state2& state) { fields(decoder, state); }

}  // namespace supermachine::snapshot
