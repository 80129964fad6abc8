// SPDX-License-Identifier: Apache-2.0
// How a thread waits for the device loop to connect something. Shared by both; the first outcome
// counts.
#pragma once

#include <condition_variable>
#include <optional>

#include "base/deadline.h"
#include "base/mutex.h"
#include "supermachine/result.h"

namespace supermachine::virtio {

class ConnectTicket {
 public:
  void finish(Status outcome) {
    {
      const MutexLock lock(mutex_);
      if (!outcome_) outcome_ = std::move(outcome);
    }
    finished_.notify_all();
  }

  Status wait(Deadline deadline) {
    const MutexLock lock(mutex_);
    while (!outcome_) {
      if (deadline == Deadline::max()) {
        finished_.wait(mutex_);
      } else if (finished_.wait_until(mutex_, deadline) == std::cv_status::timeout && !outcome_) {
        outcome_ = Error(Errc::kTimeout, "the guest did not answer in time");
      }
    }
    return *outcome_;
  }

 private:
  Mutex mutex_;
  std::condition_variable_any finished_;
  std::optional<Status> outcome_ SM_GUARDED_BY(mutex_);
};

}  // namespace supermachine::virtio
