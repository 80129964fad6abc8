// SPDX-License-Identifier: Apache-2.0
// The bodies of the sections that hold parts of a machine: one pair of functions for each part.
// Decoders check what can be checked without the machine; who builds it checks the rest.
#pragma once

#include "snapshot/codec.h"
#include "vmm/machine_state.h"

namespace supermachine::snapshot {

void encode(Encoder& encoder, const kvm::VcpuState& state);
void decode(Decoder& decoder, kvm::VcpuState& state);

using IrqchipStates = std::array<kvm_irqchip, KVM_NR_IRQCHIPS>;
void encode(Encoder& encoder, const IrqchipStates& state);
void decode(Decoder& decoder, IrqchipStates& state);

void encode(Encoder& encoder, const kvm_pit_state2& state);
void decode(Decoder& decoder, kvm_pit_state2& state);

void encode(Encoder& encoder, const SerialState& state);
void decode(Decoder& decoder, SerialState& state);

void encode(Encoder& encoder, const SlotState<virtio::BlockState>& state);
void decode(Decoder& decoder, SlotState<virtio::BlockState>& state);

void encode(Encoder& encoder, const SlotState<virtio::VsockState>& state);
void decode(Decoder& decoder, SlotState<virtio::VsockState>& state);

void encode(Encoder& encoder, const SlotState<virtio::RngState>& state);
void decode(Decoder& decoder, SlotState<virtio::RngState>& state);

}  // namespace supermachine::snapshot
