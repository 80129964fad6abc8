// SPDX-License-Identifier: Apache-2.0
// A machine's state in which every field has a value of its own, so that a codec which forgets or
// swaps one is found out. No processor would take it.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "vmm/machine_state.h"

namespace supermachine {

// Every byte different from its neighbours; `seed` makes two of a kind differ.
template <typename T>
T counted(std::uint8_t seed) {
  T value{};
  std::vector<std::uint8_t> bytes(sizeof(T));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(seed + i * 7 + i / 256);
  }
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

inline kvm_sregs sample_sregs() {
  auto sregs = counted<kvm_sregs>(3);
  for (kvm_segment* segment :
       {&sregs.cs, &sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss, &sregs.tr, &sregs.ldt}) {
    segment->padding = 0;
  }
  for (kvm_dtable* table : {&sregs.gdt, &sregs.idt}) {
    std::ranges::fill(table->padding, std::uint16_t{0});
  }
  return sregs;
}

inline kvm_vcpu_events sample_events() {
  auto events = counted<kvm_vcpu_events>(5);
  events.nmi.pad = 0;
  std::ranges::fill(events.reserved, std::uint8_t{0});
  return events;
}

inline kvm_debugregs sample_debugregs() {
  auto debugregs = counted<kvm_debugregs>(6);
  std::ranges::fill(debugregs.reserved, std::uint64_t{0});
  return debugregs;
}

inline kvm_cpuid_entry2 cpuid_leaf(std::uint32_t function, std::uint32_t index, std::uint32_t eax,
                                   std::uint32_t ebx, std::uint32_t ecx, std::uint32_t edx) {
  kvm_cpuid_entry2 entry{};
  entry.function = function;
  entry.index = index;
  const bool indexed = function == 7 || function == 0xd;
  entry.flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
  entry.eax = eax;
  entry.ebx = ebx;
  entry.ecx = ecx;
  entry.edx = edx;
  return entry;
}

inline kvm::VcpuState sample_vcpu() {
  kvm::VcpuState vcpu;
  vcpu.cpuid = {cpuid_leaf(0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69),  // GenuineIntel
                cpuid_leaf(1, 0, 2, 3, 4, 5), cpuid_leaf(7, 1, 6, 7, 8, 9)};
  vcpu.mp_state.mp_state = KVM_MP_STATE_HALTED;
  vcpu.regs = counted<kvm_regs>(1);
  vcpu.sregs = sample_sregs();
  vcpu.xcr0 = 0xe7;
  vcpu.xsave.resize(4096);
  for (std::size_t i = 0; i < vcpu.xsave.size(); ++i) {
    vcpu.xsave[i] = static_cast<std::byte>(i * 5 + i / 256);
  }
  vcpu.debugregs = sample_debugregs();
  vcpu.lapic = counted<kvm_lapic_state>(9);
  vcpu.msrs = {{.index = 0x4b564d01, .value = 0x1234}, {.index = 0x10, .value = ~0ULL}};
  vcpu.events = sample_events();
  vcpu.tsc_khz = 2'400'000;
  return vcpu;
}

inline kvm::VmState sample_vm() {
  kvm::VmState vm;
  for (std::uint32_t id = 0; id < vm.irqchips.size(); ++id) vm.irqchips[id].chip_id = id;
  vm.irqchips[KVM_IRQCHIP_PIC_MASTER].chip.pic = counted<kvm_pic_state>(11);
  vm.irqchips[KVM_IRQCHIP_PIC_SLAVE].chip.pic = counted<kvm_pic_state>(77);
  vm.irqchips[KVM_IRQCHIP_IOAPIC].chip.ioapic = counted<kvm_ioapic_state>(13);
  vm.irqchips[KVM_IRQCHIP_IOAPIC].chip.ioapic.pad = 0;
  vm.pit = counted<kvm_pit_state2>(17);
  std::ranges::fill(vm.pit.reserved, std::uint32_t{0});
  vm.clock_ns = 123'456'789'012;
  return vm;
}

inline virtio::MmioState sample_transport(std::uint16_t queues) {
  virtio::MmioState state{.status = 15,
                          .interrupt_status = 1,
                          .config_generation = 2,
                          .device_features_sel = 3,
                          .driver_features_sel = 4,
                          .queue_sel = 5,
                          .driver_features = 1ULL << 32 | 6};
  for (std::uint16_t i = 0; i < queues; ++i) {
    const std::uint64_t at = 0x10000ULL * (i + 1U);
    state.queues.push_back({.queue = {.layout = {.size = 128,
                                                 .desc = GuestAddr{at},
                                                 .avail = GuestAddr{at + 0x1000},
                                                 .used = GuestAddr{at + 0x2000}},
                                      .next_avail = static_cast<std::uint16_t>(65530 + i),
                                      .next_used = static_cast<std::uint16_t>(40 + i)},
                            .ready = i != 1});
  }
  return state;
}

// One vCPU with everything, one with as little as can be.
inline MachineState sample_machine() {
  MachineState state;
  state.memory_mib = 1;
  state.vcpus = {sample_vcpu(), kvm::VcpuState()};
  state.vm = sample_vm();
  state.serial = {.interrupt_enable = 1,
                  .fifo_control = 2,
                  .line_control = 3,
                  .modem_control = 4,
                  .scratch = 5,
                  .divisor = 0x607,
                  .transmitter_empty_pending = true};
  state.root = SlotState<virtio::BlockState>{.transport = sample_transport(1),
                                             .device = {.capacity_sectors = 4096}};
  state.root->device.id[0] = std::byte{'r'};
  state.root->device.id[19] = std::byte{'!'};
  state.vsock = {.transport = sample_transport(3),
                 .device = {.guest_cid = 33,
                            .mux = {.next_host_port = 1U << 30 | 5,
                                    .kept = {{.ports = {.host = 1, .guest = 2},
                                              .forwarded = 3,
                                              .sent = 4,
                                              .peer_buf_alloc = 5,
                                              .peer_fwd_cnt = 6}},
                                    .lost = {{.host = 7, .guest = 8}, {.host = 9, .guest = 10}}}}};
  state.rng = {.transport = sample_transport(0), .device = {}};
  return state;
}

}  // namespace supermachine
