// SPDX-License-Identifier: Apache-2.0
// A queue over guest memory that is the input: rings, tables and buffers all hostile.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "virtio/queue.h"

namespace supermachine::virtio {
namespace {

constexpr std::uint64_t kMemoryBytes = 16 << 10;
constexpr std::uint64_t kDescAt = 0;
constexpr std::uint64_t kAvailAt = 0x400;
constexpr std::uint64_t kUsedAt = 0x600;
constexpr int kMaxPops = 256;

GuestMemory& memory() {
  static GuestMemory the_memory = GuestMemory::create(kMemoryBytes).value();
  return the_memory;
}

template <typename Byte>
std::uint64_t check_inside(const std::vector<std::span<Byte>>& segments) {
  const auto all = memory().slice(GuestAddr{0}, kMemoryBytes).value();
  std::uint64_t total = 0;
  for (const auto segment : segments) {
    SM_CHECK(!segment.empty());
    SM_CHECK(segment.data() >= all.data());
    SM_CHECK(segment.data() + segment.size() <= all.data() + all.size());
    total += segment.size();
  }
  return total;
}

void drive(Queue& queue, bool undo) {
  for (int pops = 0; pops < kMaxPops; ++pops) {
    auto popped = queue.pop();
    if (!popped.ok()) {
      SM_CHECK(popped.error().code() == Errc::kGuestFault);
      return;
    }
    if (!popped.value()) return;
    Chain chain = *std::move(popped).value();
    SM_CHECK(check_inside(chain.readable) == chain.readable_bytes);
    SM_CHECK(check_inside(chain.writable) == chain.writable_bytes);
    if (undo && pops % 3 == 0) {
      const std::uint16_t position = queue.state().next_avail;
      queue.undo_pop(std::move(chain));
      SM_CHECK(queue.state().next_avail == static_cast<std::uint16_t>(position - 1));
      continue;
    }
    // A device reads, then writes, which may well change the rings under the queue.
    std::byte bytes[64] = {};
    const std::size_t got = copy_from(chain.readable, chain.head, bytes);
    const std::size_t put = copy_to(chain.writable, chain.head, std::span(bytes).first(got));
    queue.complete(std::move(chain), static_cast<std::uint32_t>(put));
    static_cast<void>(queue.needs_interrupt());
  }
}

}  // namespace
}  // namespace supermachine::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine;
  using namespace supermachine::virtio;
  constexpr std::size_t kPrefix = 6;
  if (size < kPrefix) return 0;
  const std::uint8_t flags = data[0];
  QueueState state{
      .layout = {.size = static_cast<std::uint16_t>(1U << (data[1] % 7)),
                 .desc = GuestAddr{kDescAt},
                 .avail = GuestAddr{kAvailAt},
                 .used = GuestAddr{kUsedAt}},
      .next_avail = static_cast<std::uint16_t>(data[2] | data[3] << 8),
      .next_used = static_cast<std::uint16_t>(data[4] | data[5] << 8),
  };
  const auto all = memory().slice(GuestAddr{0}, kMemoryBytes).value();
  const auto image = std::as_bytes(std::span(data, size)).subspan(kPrefix);
  const auto used = std::min(image.size(), all.size());
  std::memcpy(all.data(), image.data(), used);
  std::memset(all.data() + used, 0, all.size() - used);
  if ((flags & 4) != 0) {  // rings wherever the input says
    state.layout.desc = memory().read<GuestAddr>(GuestAddr{0x800}).value();
    state.layout.avail = memory().read<GuestAddr>(GuestAddr{0x808}).value();
    state.layout.used = memory().read<GuestAddr>(GuestAddr{0x810}).value();
  }

  std::uint64_t features = 0;
  if ((flags & 1) != 0) features |= kFeatureIndirectDesc;
  if ((flags & 2) != 0) features |= kFeatureEventIdx;
  auto queue = Queue::create(memory(), state, features);
  if (queue.ok()) drive(queue.value(), (flags & 8) != 0);
  return 0;
}
