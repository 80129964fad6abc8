// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/shared_lock.h"
#include "registry/image_store.h"

namespace supermachine::bake {

// Keys of root file systems (ImportedImage::chain_key).
using RootfsKeys = std::function<Result<std::vector<std::string>>()>;

// Removes from the cache what no reference to a registry leads to: blobs, and what interrupted
// downloads and imports left. With `needed` root file systems too, but for those that it names when
// nobody can be about to need another, and those that somebody holds (RootfsHold). `alone` is the
// image store's.
Result<registry::PruneReport> prune_images(const std::string& cache_dir, const SharedLock& alone,
                                           const RootfsKeys& needed);

}  // namespace supermachine::bake
