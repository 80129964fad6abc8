// SPDX-License-Identifier: Apache-2.0
// A block device behind its registers: the input says how the guest spoils a ring of honest
// requests, and what it does to the registers.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "fake_mmio_driver.h"
#include "memory_backend.h"
#include "virtio/block.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kMemoryBytes = 16 << 10;
constexpr std::size_t kAccessBytes = 8;  // offset, width, value
constexpr std::size_t kMaxAccesses = 64;

GuestMemory& memory() {
  static GuestMemory the_memory = GuestMemory::create(kMemoryBytes).value();
  return the_memory;
}

constexpr std::uint16_t kRequests = 5;
constexpr std::uint64_t kAvailAt = 0x400;
constexpr std::uint64_t kUsedAt = 0x600;
constexpr std::uint64_t kHeadersAt = 0x1000;
constexpr std::uint64_t kStatusAt = 0x1800;
constexpr std::uint64_t kDataAt = 0x2000;

// A read, a write, a flush, an id and one of a type that does not exist; three descriptors each.
void lay_out_honest_requests() {
  const auto all = memory().slice(GuestAddr{0}, kMemoryBytes).value();
  std::memset(all.data(), 0, all.size());
  constexpr std::uint32_t kTypes[kRequests] = {blk::kIn, blk::kOut, blk::kFlush, blk::kGetId, 99};
  for (std::uint16_t i = 0; i < kRequests; ++i) {
    const auto first = static_cast<std::uint16_t>(3 * i);
    const std::uint64_t header = kHeadersAt + std::uint64_t{32} * i;
    store_le(all, header, kTypes[i]);
    store_le(all, header + 8, std::uint64_t{i});
    const auto data_flags =
        static_cast<std::uint16_t>(kDescNext | (kTypes[i] == blk::kOut ? 0 : kDescWrite));
    const Descriptor chain[3] = {
        {header, blk::kHeaderBytes, kDescNext, static_cast<std::uint16_t>(first + 1)},
        {kDataAt + 1024U * i, 512, data_flags, static_cast<std::uint16_t>(first + 2)},
        {kStatusAt + i, 1, kDescWrite, 0}};
    std::memcpy(all.data() + sizeof(Descriptor) * first, chain, sizeof(chain));
    store_le(all, kAvailAt + 4 + std::uint64_t{2} * i, first);
  }
  store_le(all, kAvailAt + 2, kRequests);
}

// Pairs of an address and a value.
void spoil(std::span<const std::byte> patches) {
  const auto all = memory().slice(GuestAddr{0}, kMemoryBytes).value();
  for (; patches.size() >= 4; patches = patches.subspan(4)) {
    const std::size_t at = load_le<std::uint16_t>(patches, 0) % (kMemoryBytes - 1);
    store_le(all, at, load_le<std::uint16_t>(patches, 2));
  }
}

void access(MmioTransport& transport, std::span<const std::byte> bytes) {
  const auto offset = load_le<std::uint16_t>(bytes, 0) % 0x200U;
  const auto width = std::to_integer<std::size_t>(bytes[2]) % 5;
  if (std::to_integer<int>(bytes[3]) % 2 == 0) {
    transport.write(offset, bytes.subspan(4).first(std::min<std::size_t>(width, 4)));
  } else {
    std::byte out[4] = {};
    transport.read(offset, std::span(out).first(std::min<std::size_t>(width, 4)));
  }
}

}  // namespace
}  // namespace supermachine::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine;
  using namespace supermachine::virtio;
  if (size < 2) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const bool read_only = (data[0] & 1) != 0;
  const std::size_t accesses = std::min(data[1] % kMaxAccesses, (size - 2) / kAccessBytes);

  MemoryBackend backend(16 * Block::kSectorSize, read_only);
  const auto block = Block::create(BlockState::power_on(backend, "fuzz"), backend).value();
  int again = 0;
  const auto transport =
      MmioTransport::create({}, *block, memory(),
                            {.raise_irq = [] {},
                             .run_on_loop = [](const std::function<void()>& work) { work(); },
                             .renotify = [&](std::uint16_t) { ++again; }})
          .value();

  FakeMmioDriver driver(*transport);
  SM_CHECK(driver.negotiate(kTransportFeatures));
  driver.set_up_queue(
      0,
      {.size = 16, .desc = GuestAddr{0}, .avail = GuestAddr{kAvailAt}, .used = GuestAddr{kUsedAt}});
  lay_out_honest_requests();
  spoil(input.subspan(2 + accesses * kAccessBytes));

  if ((data[0] & 2) == 0) driver.start();
  driver.notify(0);
  for (std::size_t i = 0; i < accesses; ++i) {
    access(*transport, input.subspan(2 + i * kAccessBytes).first(kAccessBytes));
  }
  driver.notify(0);

  // Whatever the guest did, its device can be saved and taken up again, or is refused.
  const auto twin = Block::create(block->save(), backend).value();
  const auto restored = MmioTransport::create(
      transport->save(), *twin, memory(),
      {.raise_irq = [] {}, .run_on_loop = [](const auto&) {}, .renotify = [](std::uint16_t) {}});
  SM_CHECK(restored.ok());
  driver.write(mmio_reg::kStatus, 0);
  SM_CHECK(driver.status() == 0);
  return 0;
}
