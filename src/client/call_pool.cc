// SPDX-License-Identifier: Apache-2.0
#include "client/call_pool.h"

#include <array>

#include "base/sys.h"

namespace supermachine::client {
namespace {

// An agent says nothing between calls: what can be read is its end, or nonsense.
bool is_silent(const UniqueFd& stream) {
  std::array<std::byte, 1> byte;
  const auto got = sys::try_peek(stream.get(), byte);
  return got.ok() && !got.value();
}

}  // namespace

Result<CallPool::Taken> CallPool::take(Deadline deadline) {
  if (source_.check) SM_TRY(source_.check());
  for (;;) {
    Taken taken;
    {
      const MutexLock lock(mutex_);
      if (idle_.empty()) break;
      taken = {.stream = std::move(idle_.back()), .reused = true, .generation = generation_};
      idle_.pop_back();
    }
    if (is_silent(taken.stream)) return taken;
  }
  return take_new(deadline);
}

Result<CallPool::Taken> CallPool::take_new(Deadline deadline) {
  Taken taken;
  {
    // Before opening: a stream to a guest that is reset meanwhile is one of the old guest.
    const MutexLock lock(mutex_);
    taken.generation = generation_;
  }
  taken.stream = SM_TRY(source_.open(deadline));
  SM_TRY(sys::set_nonblocking(taken.stream.get(), true));
  return taken;
}

void CallPool::put(UniqueFd stream) {
  if (!sys::set_nonblocking(stream.get(), true).ok()) return;
  const MutexLock lock(mutex_);
  if (idle_.size() < max_idle_) idle_.push_back(std::move(stream));
}

void CallPool::give_back(UniqueFd stream, std::uint64_t generation) {
  const MutexLock lock(mutex_);
  if (generation == generation_ && idle_.size() < max_idle_) idle_.push_back(std::move(stream));
}

void CallPool::clear() {
  std::vector<UniqueFd> old;  // closed outside the lock
  const MutexLock lock(mutex_);
  ++generation_;
  old.swap(idle_);
}

std::size_t CallPool::idle() const {
  const MutexLock lock(mutex_);
  return idle_.size();
}

}  // namespace supermachine::client
