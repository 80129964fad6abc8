// SPDX-License-Identifier: Apache-2.0
#include "snapshot/state_codec.h"

#include <gtest/gtest.h>

#include <cstring>

#include "result_matchers.h"
#include "sample_machine.h"
#include "snapshot/limits.h"

namespace supermachine::snapshot {
namespace {

template <typename T>
T round_trip(const T& value) {
  std::vector<std::byte> bytes;
  Encoder encoder(bytes);
  encode(encoder, value);
  T out{};
  Decoder decoder(bytes);
  decode(decoder, out);
  EXPECT_THAT(decoder.finish(), IsOk());
  return out;
}

template <typename T>
Status decoded(const T& value) {
  std::vector<std::byte> bytes;
  Encoder encoder(bytes);
  encode(encoder, value);
  T out{};
  Decoder decoder(bytes);
  decode(decoder, out);
  return decoder.finish();
}

// The kernel's structs have no ==, and ours in the sample have zeroes for padding.
template <typename T>
bool same(const T& one, const T& other) {
  return std::memcmp(&one, &other, sizeof(T)) == 0;
}

TEST(StateCodec, KeepsEveryFieldOfAVcpu) {
  const kvm::VcpuState before = sample_vcpu();

  const kvm::VcpuState after = round_trip(before);

  EXPECT_TRUE(same(after.regs, before.regs));
  EXPECT_TRUE(same(after.sregs, before.sregs));
  EXPECT_TRUE(same(after.mp_state, before.mp_state));
  ASSERT_EQ(after.cpuid.size(), before.cpuid.size());
  for (std::size_t i = 0; i < before.cpuid.size(); ++i) {
    EXPECT_TRUE(same(after.cpuid[i], before.cpuid[i])) << i;
  }
  EXPECT_EQ(after.msrs, before.msrs);
  EXPECT_EQ(after.xcr0, before.xcr0);
  EXPECT_EQ(after.xsave, before.xsave);
  EXPECT_EQ(after.tsc_khz, before.tsc_khz);
  EXPECT_TRUE(same(after.debugregs.value(), before.debugregs.value()));
  EXPECT_TRUE(same(after.lapic.value(), before.lapic.value()));
  EXPECT_TRUE(same(after.events.value(), before.events.value()));
}

TEST(StateCodec, KeepsWhatAVcpuLacks) {
  const kvm::VcpuState after = round_trip(kvm::VcpuState());

  EXPECT_FALSE(after.debugregs.has_value());
  EXPECT_FALSE(after.lapic.has_value());
  EXPECT_FALSE(after.events.has_value());
  EXPECT_TRUE(after.xsave.empty());
}

TEST(StateCodec, KeepsEveryFieldOfTheInterruptControllersAndTheTimer) {
  const kvm::VmState before = sample_vm();

  const IrqchipStates chips = round_trip(before.irqchips);

  for (std::size_t i = 0; i < chips.size(); ++i) {
    EXPECT_TRUE(same(chips[i], before.irqchips[i])) << i;
  }
  EXPECT_TRUE(same(round_trip(before.pit), before.pit));
}

TEST(StateCodec, KeepsEveryFieldOfTheDevices) {
  const MachineState before = sample_machine();
  EXPECT_EQ(round_trip(before.serial), before.serial);

  const auto root = round_trip(before.root.value());
  EXPECT_EQ(root.device.capacity_sectors, 4096U);
  EXPECT_EQ(root.device.id, before.root->device.id);

  const auto vsock = round_trip(before.vsock);
  EXPECT_EQ(vsock.device.guest_cid, 33U);
  EXPECT_EQ(vsock.device.mux, before.vsock.device.mux);
  const virtio::MmioState& transport = vsock.transport;
  EXPECT_EQ(transport.status, 15U);
  EXPECT_EQ(transport.interrupt_status, 1U);
  EXPECT_EQ(transport.config_generation, 2U);
  EXPECT_EQ(transport.device_features_sel, 3U);
  EXPECT_EQ(transport.driver_features_sel, 4U);
  EXPECT_EQ(transport.queue_sel, 5U);
  EXPECT_EQ(transport.driver_features, 1ULL << 32 | 6);
  ASSERT_EQ(transport.queues.size(), 3U);
  const virtio::MmioQueueState& queue = transport.queues[2];
  EXPECT_EQ(queue.queue.layout.size, 128);
  EXPECT_EQ(queue.queue.layout.desc, GuestAddr{0x30000});
  EXPECT_EQ(queue.queue.layout.avail, GuestAddr{0x31000});
  EXPECT_EQ(queue.queue.layout.used, GuestAddr{0x32000});
  EXPECT_EQ(queue.queue.next_avail, 65532);
  EXPECT_EQ(queue.queue.next_used, 42);
  EXPECT_TRUE(queue.ready);
  EXPECT_FALSE(transport.queues[1].ready);
}

TEST(StateCodec, RefusesAVcpuThatCannotBe) {
  kvm::VcpuState state;
  state.mp_state.mp_state = KVM_MP_STATE_SUSPENDED + 1;
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));

  state = {};
  state.cpuid.resize(kMaxCpuidEntries);
  EXPECT_THAT(decoded(state), IsOk());
  state.cpuid.emplace_back();
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));

  state = {};
  state.msrs.resize(kMaxMsrs + 1);
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));

  state = {};
  for (const std::size_t size : {std::size_t{1}, kMinXsaveBytes - 1, kMaxXsaveBytes + 1}) {
    state.xsave.resize(size);
    EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt)) << size;
  }
  for (const std::size_t size : {std::size_t{0}, kMinXsaveBytes, kMaxXsaveBytes}) {
    state.xsave.resize(size);
    EXPECT_THAT(decoded(state), IsOk()) << size;
  }
}

TEST(StateCodec, RefusesQueuesThatCannotBe) {
  SlotState<virtio::RngState> state{.transport = sample_transport(1), .device = {}};
  virtio::MmioQueueState& queue = state.transport.queues[0];
  queue.queue.layout.size = 96;
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));
  queue.queue.layout.size = 0;
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt)) << "a queue without a size is ready";
  queue.ready = false;
  EXPECT_THAT(decoded(state), IsOk());
  state.transport.queues.resize(kMaxQueues + 1);
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));
}

TEST(StateCodec, RefusesADiskLargerThanBytesCanCount) {
  SlotState<virtio::BlockState> state;
  state.device.capacity_sectors = 1ULL << 55;
  EXPECT_THAT(decoded(state), Fails(Errc::kCorrupt));
}

TEST(Decoder, RefusesAFlagThatIsNone) {
  const std::vector<std::byte> two = {std::byte{2}};
  bool flag = false;
  Decoder decoder(two);
  decoder(flag);
  EXPECT_THAT(decoder.finish(), Fails(Errc::kCorrupt));
}

TEST(Decoder, MakesNoElementsForACountThatBytesDoNotBear) {
  const std::vector<std::byte> bytes = {std::byte{0xff}, std::byte{0xff}, {}, {}, {}, {}};
  std::vector<std::uint16_t> elements;
  Decoder decoder(bytes);
  decoder.list(elements, 65535, "numbers", [](auto& inner, auto& number) { inner(number); });
  EXPECT_THAT(decoder.finish(), Fails(Errc::kCorrupt));
  EXPECT_LE(elements.size(), 2U);
}

}  // namespace
}  // namespace supermachine::snapshot
