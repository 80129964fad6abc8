// A block device behind its registers: the input is the guest's memory and what it does to them.
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
      0, {.size = 16, .desc = GuestAddr{0}, .avail = GuestAddr{0x400}, .used = GuestAddr{0x600}});
  const auto image = input.subspan(2 + accesses * kAccessBytes);
  const auto all = memory().slice(GuestAddr{0}, kMemoryBytes).value();
  const auto used = std::min(image.size(), all.size());
  std::memcpy(all.data(), image.data(), used);
  std::memset(all.data() + used, 0, all.size() - used);

  if ((data[0] & 2) != 0) driver.start();
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
