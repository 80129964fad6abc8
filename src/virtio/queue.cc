// SPDX-License-Identifier: Apache-2.0
#include "virtio/queue.h"

#include <array>
#include <atomic>
#include <bit>

namespace supermachine::virtio {
namespace {

// Section 2.7.5: a chain holds at most 2^32 bytes. Our lengths are 32 bits wide, so one less.
constexpr std::uint64_t kMaxChainBytes = 0xffff'ffff;
constexpr std::size_t kIndexOffset = 2;  // of idx in both rings; flags come first
constexpr std::size_t kRingOffset = 4;
// More than any device of ours holds at once.
constexpr std::size_t kMaxSpareChains = 64;

Error fault(const char* what) { return Error(Errc::kGuestFault, what); }

// The rings are checked to be aligned and inside guest memory when the queue is made.
std::uint16_t* ring_word(std::span<std::byte> ring, std::size_t offset) {
  // Both sides poll these words, so they are accessed as atomics, which need a typed pointer.
  return reinterpret_cast<std::uint16_t*>(ring.subspan(offset, sizeof(std::uint16_t)).data());
}

std::uint16_t load(std::uint16_t* word, std::memory_order order) {
  return std::atomic_ref(*word).load(order);
}

// The fence keeps the compiler from reading a field again after it was checked.
Descriptor read_descriptor(std::span<const std::byte> table, std::size_t index) {
  Descriptor desc{};
  std::memcpy(&desc, table.subspan(index * sizeof(desc), sizeof(desc)).data(), sizeof(desc));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return desc;
}

bool aligned(GuestAddr addr, std::uint64_t alignment) {
  return static_cast<std::uint64_t>(addr) % alignment == 0;
}

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
}

}  // namespace

Result<Queue> Queue::create(const GuestMemory& memory, const QueueState& state,
                            std::uint64_t features) {
  const QueueLayout& layout = state.layout;
  if (!std::has_single_bit(layout.size) || layout.size > kMaxQueueSize) {
    return fault("queue size must be a power of two up to 32768");
  }
  if (!aligned(layout.desc, 16) || !aligned(layout.avail, 2) || !aligned(layout.used, 4)) {
    return fault("misaligned queue");
  }
  const std::uint64_t size = layout.size;
  Queue queue(memory, state, features);
  queue.signalled_used_ = state.next_used;
  // The event index behind each ring is there whether or not it is negotiated (2.7.6, 2.7.8).
  queue.desc_ = SM_TRY(memory.slice(layout.desc, sizeof(Descriptor) * size));
  queue.avail_ = SM_TRY(memory.slice(layout.avail, kRingOffset + 2 * size + 2));
  queue.used_ = SM_TRY(memory.slice(layout.used, kRingOffset + sizeof(UsedElement) * size + 2));
  if (overlap(queue.desc_, queue.avail_) || overlap(queue.desc_, queue.used_) ||
      overlap(queue.avail_, queue.used_)) {
    return fault("parts of a queue overlap");
  }
  return queue;
}

std::uint16_t* Queue::used_index() const { return ring_word(used_, kIndexOffset); }

std::uint16_t Queue::avail_index() const {
  return load(ring_word(avail_, kIndexOffset), std::memory_order_acquire);
}

// Section 2.7.10. The sequentially consistent pair makes sure that either we see the driver's new
// index or the driver sees our wish to be notified.
std::uint16_t Queue::avail_index_after_asking_for_notification() const {
  if (!has(kFeatureEventIdx)) return avail_index();
  std::uint16_t* avail_event = ring_word(used_, kRingOffset + sizeof(UsedElement) * size());
  std::atomic_ref(*avail_event).store(state_.next_avail, std::memory_order_seq_cst);
  memory_->note_write(used_);
  return load(ring_word(avail_, kIndexOffset), std::memory_order_seq_cst);
}

Result<std::optional<Chain>> Queue::pop() {
  if (!ready()) return std::optional<Chain>();
  std::uint16_t avail_idx = avail_index();
  if (avail_idx == state_.next_avail) {
    avail_idx = avail_index_after_asking_for_notification();
    if (avail_idx == state_.next_avail) return std::optional<Chain>();
  }
  const auto pending = static_cast<std::uint16_t>(avail_idx - state_.next_avail);
  if (pending > size()) return fault("avail index ran past the ring");

  const std::size_t slot = state_.next_avail % size();
  Chain chain = spare_chain();
  chain.head = load(ring_word(avail_, kRingOffset + 2 * slot), std::memory_order_relaxed);
  SM_TRY(walk(chain.head, chain));
  ++state_.next_avail;
  return std::optional(std::move(chain));
}

Status Queue::walk(std::uint16_t head, Chain& chain) const {
  std::span<const std::byte> table = desc_;
  std::uint32_t table_length = size();
  bool indirect = false;
  std::uint32_t hops = 0;
  for (std::uint32_t index = head;;) {
    if (index >= table_length) return fault("descriptor index out of range");
    if (hops++ == table_length) return fault("descriptor chain loops");
    const Descriptor desc = read_descriptor(table, index);
    if ((desc.flags & kDescIndirect) != 0) {
      if (!has(kFeatureIndirectDesc)) return fault("indirect descriptor was not negotiated");
      if (indirect) return fault("indirect descriptor inside an indirect table");
      if ((desc.flags & kDescNext) != 0) return fault("indirect descriptor with a next one");
      if (desc.len == 0 || desc.len % sizeof(Descriptor) != 0 ||
          desc.len / sizeof(Descriptor) > kMaxIndirectLength) {
        return fault("indirect table of a wrong size");
      }
      table = SM_TRY(memory_->slice(GuestAddr{desc.addr}, desc.len));
      table_length = static_cast<std::uint32_t>(desc.len / sizeof(Descriptor));
      indirect = true;
      hops = 0;
      index = 0;
      continue;
    }
    SM_TRY(add_buffer(desc.addr, desc.len, (desc.flags & kDescWrite) != 0, chain));
    if ((desc.flags & kDescNext) == 0) return {};
    index = desc.next;
  }
}

Status Queue::add_buffer(std::uint64_t addr, std::uint32_t len, bool writable, Chain& chain) const {
  const auto bytes = SM_TRY(memory_->slice(GuestAddr{addr}, len));
  const std::uint64_t total =
      std::uint64_t{chain.readable_bytes} + chain.writable_bytes + std::uint64_t{len};
  if (total > kMaxChainBytes) return fault("descriptor chain too long");
  if (!writable && !chain.writable.empty()) {
    return fault("readable descriptor after a writable one");
  }
  if (len == 0) return {};
  if (writable) {
    memory_->note_write(bytes);
    chain.writable.push_back(bytes);
    chain.writable_bytes += len;
  } else {
    chain.readable.push_back(bytes);
    chain.readable_bytes += len;
  }
  return {};
}

void Queue::undo_pop(Chain chain) {
  --state_.next_avail;
  if (spare_.size() < kMaxSpareChains) spare_.push_back(std::move(chain));
}

void Queue::complete(Chain chain, std::uint32_t written) {
  SM_CHECK(ready());
  const std::size_t slot = state_.next_used % size();
  const UsedElement element{chain.head, written};
  std::memcpy(used_.subspan(kRingOffset + sizeof(element) * slot, sizeof(element)).data(), &element,
              sizeof(element));
  ++state_.next_used;
  // Publishes the element above and the bytes the device wrote.
  std::atomic_ref(*used_index()).store(state_.next_used, std::memory_order_release);
  memory_->note_write(used_);
  if (spare_.size() < kMaxSpareChains) spare_.push_back(std::move(chain));
}

bool Queue::needs_interrupt() {
  if (!ready()) return false;
  const std::uint16_t old = std::exchange(signalled_used_, state_.next_used);
  if (old == state_.next_used) return false;
  const bool old_valid = std::exchange(signalled_valid_, true);
  // Stored once more, sequentially consistent this time: the driver's wish must be read after the
  // driver could see our index (2.7.7.2), and release stores alone don't order that.
  std::atomic_ref(*used_index()).store(state_.next_used, std::memory_order_seq_cst);
  if (!has(kFeatureEventIdx)) {
    return (load(ring_word(avail_, 0), std::memory_order_seq_cst) & kAvailNoInterrupt) == 0;
  }
  if (!old_valid) return true;
  const std::uint16_t used_event =
      load(ring_word(avail_, kRingOffset + std::size_t{2} * size()), std::memory_order_seq_cst);
  // The driver wants to hear when the index passes used_event; all arithmetic modulo 2^16.
  const auto passed = static_cast<std::uint16_t>(state_.next_used - used_event - 1);
  return passed < static_cast<std::uint16_t>(state_.next_used - old);
}

Chain Queue::spare_chain() {
  if (spare_.empty()) return {};
  Chain chain = std::move(spare_.back());
  spare_.pop_back();
  chain.readable.clear();
  chain.writable.clear();
  chain.readable_bytes = 0;
  chain.writable_bytes = 0;
  return chain;
}

}  // namespace supermachine::virtio
