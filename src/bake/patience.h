// SPDX-License-Identifier: Apache-2.0
// Waiting for who does the same work, in sight of whoever looks on.
#pragma once

#include <string>
#include <utility>

#include "base/files.h"
#include "base/progress_report.h"

namespace supermachine::bake {

// What `acquire` gives, which takes a deadline. While another has the lock, a step says so.
template <typename Acquire>
Result<FileLock> acquire_in_sight(const Acquire& acquire, Deadline deadline,
                                  ProgressReport& progress, Stage stage, std::string item) {
  Result<FileLock> at_once = acquire(deadline_in({}));
  if (at_once.ok() || at_once.error().code() != Errc::kTimeout) return at_once;
  auto step = progress.begin(stage, std::move(item), 0, "waiting for another process");
  FileLock lock = SM_TRY(acquire(deadline));
  step.finish();
  return lock;
}

}  // namespace supermachine::bake
