// SPDX-License-Identifier: Apache-2.0
// The device side of a virtio 1.2 split virtqueue (section 2.7), with indirect descriptors
// (2.7.5.3) and event indices (2.7.7, 2.7.10). Knows nothing of devices or registers.
//
// Lives on the device loop. Between two calls a queue's whole state is its QueueState.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "memory/guest_memory.h"
#include "virtio/chain.h"

namespace supermachine::virtio {

inline constexpr std::uint64_t kFeatureIndirectDesc = 1ULL << 28;
inline constexpr std::uint64_t kFeatureEventIdx = 1ULL << 29;

// Section 2.7: no queue is longer.
inline constexpr std::uint16_t kMaxQueueSize = 32768;
// An indirect table may be longer than the queue that points to it, but not without end.
inline constexpr std::uint32_t kMaxIndirectLength = 1024;

// Where the driver put one queue. Everything here came from the guest.
struct QueueLayout {
  std::uint16_t size = 0;
  GuestAddr desc{};
  GuestAddr avail{};
  GuestAddr used{};
};

struct QueueState {
  QueueLayout layout{};
  std::uint16_t next_avail = 0;
  std::uint16_t next_used = 0;
};

class Queue {
 public:
  // A queue the driver did not set up: nothing is ever available on it.
  Queue() = default;

  // Checks size, alignment, place and overlap of the three rings once, so later index arithmetic
  // stays inside guest memory. `features` are the negotiated ones.
  static Result<Queue> create(const GuestMemory& memory, const QueueState& state,
                              std::uint64_t features);

  // The next request; nullopt when the driver has queued nothing more, and then, not before, the
  // driver is asked to notify us of the next one. kGuestFault for a looping, out-of-range or
  // wrongly ordered chain: the transport then sets DEVICE_NEEDS_RESET.
  Result<std::optional<Chain>> pop();

  // Takes back the latest pop(), which must not have been completed: the next one returns it again.
  void undo_pop(Chain chain);

  // Hands `chain` back, telling the driver `written` bytes of its writable part are valid.
  void complete(Chain chain, std::uint32_t written);

  // Whether the completions since the last call, if any, should interrupt the driver. Ask once per
  // batch.
  [[nodiscard]] bool needs_interrupt();

  // How many requests one notification may handle before others get a turn.
  [[nodiscard]] std::uint16_t size() const noexcept { return state_.layout.size; }
  [[nodiscard]] bool ready() const noexcept { return size() != 0; }
  [[nodiscard]] const QueueState& state() const noexcept { return state_; }

 private:
  Queue(const GuestMemory& memory, const QueueState& state, std::uint64_t features)
      : memory_(&memory), state_(state), features_(features) {}

  [[nodiscard]] bool has(std::uint64_t feature) const { return (features_ & feature) != 0; }
  [[nodiscard]] std::uint16_t* used_index() const;
  [[nodiscard]] std::uint16_t avail_index() const;
  [[nodiscard]] std::uint16_t avail_index_after_asking_for_notification() const;
  Status walk(std::uint16_t head, Chain& chain) const;
  Status add_buffer(std::uint64_t addr, std::uint32_t len, bool writable, Chain& chain) const;
  Chain spare_chain();

  const GuestMemory* memory_ = nullptr;  // not owned; outlives us
  QueueState state_;
  std::uint64_t features_ = 0;
  std::span<std::byte> desc_;
  std::span<std::byte> avail_;
  std::span<std::byte> used_;
  std::uint16_t signalled_used_ = 0;  // next_used when the driver was last considered
  bool signalled_valid_ = false;      // not saved: after a restore the driver hears from us once
  std::vector<Chain> spare_;          // completed chains lend their vectors to later ones
};

// Section 2.7.5. Shared with the driver-side fake in tests/support.
struct Descriptor {
  std::uint64_t addr;
  std::uint32_t len;
  std::uint16_t flags;
  std::uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);
inline constexpr std::uint16_t kDescNext = 1;
inline constexpr std::uint16_t kDescWrite = 2;
inline constexpr std::uint16_t kDescIndirect = 4;

// Section 2.7.6: the driver's wish for no interrupts, where event indices were not negotiated.
inline constexpr std::uint16_t kAvailNoInterrupt = 1;

// Section 2.7.8.
struct UsedElement {
  std::uint32_t id;
  std::uint32_t len;
};
static_assert(sizeof(UsedElement) == 8);

}  // namespace supermachine::virtio
