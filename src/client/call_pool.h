// SPDX-License-Identifier: Apache-2.0
// The streams to one agent on which no call is under way, kept to carry the next. For agents with
// rpc::kFeatureReuse.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/deadline.h"
#include "base/handles.h"
#include "base/mutex.h"

namespace supermachine::client {

// Any thread. Shared: by who makes calls, and by each call that may give its stream back.
class CallPool {
 public:
  struct Source {
    std::function<Result<UniqueFd>(Deadline)> open;  // a new stream
    std::function<Status()> check;  // why no call can succeed any more; may be empty
  };
  struct Taken {
    UniqueFd stream;
    bool reused = false;
    std::uint64_t generation = 0;
  };

  // Keeps at most `max_idle` streams; with 0 every call has a stream of its own.
  CallPool(Source source, std::size_t max_idle) : source_(std::move(source)), max_idle_(max_idle) {}
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // An idle stream that is alive as far as can be known without using it, else a new one.
  Result<Taken> take(Deadline deadline);
  Result<Taken> take_new(Deadline deadline);

  // For the next call: a stream on which none is under way, opened elsewhere. Closed if there are
  // enough.
  void put(UniqueFd stream);
  // The same for one that was taken, unless the pool was cleared meanwhile.
  void give_back(UniqueFd stream, std::uint64_t generation);

  // Closes the idle streams, and those in use when they come back: those of a guest that was reset.
  void clear();

  [[nodiscard]] std::size_t idle() const;

 private:
  Source source_;
  std::size_t max_idle_;
  mutable Mutex mutex_;
  std::vector<UniqueFd> idle_ SM_GUARDED_BY(mutex_);  // the last used last
  std::uint64_t generation_ SM_GUARDED_BY(mutex_) = 0;
};

}  // namespace supermachine::client
