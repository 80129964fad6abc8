// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bake/prune.h"
#include "base/deadline.h"

namespace supermachine::bake {

// Everything that goes from a cache that nobody uses, when those root file systems are needed.
inline Result<registry::PruneReport> prune_cache(const std::string& cache_dir,
                                                 const std::vector<std::string>& needed) {
  const registry::ImageStore store(cache_dir);
  const SharedLock alone = SM_TRY(store.use_alone(deadline_in(std::chrono::seconds(5))));
  return prune_images(cache_dir, alone,
                      [&]() -> Result<std::vector<std::string>> { return needed; });
}

}  // namespace supermachine::bake
