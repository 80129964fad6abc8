// SPDX-License-Identifier: Apache-2.0
// An image becomes a root file system: reference -> manifest -> verified layers -> merged tree ->
// one squashfs, kept in a cache by the chain of its layers (docs/formats/image-cache.md). A
// registry's is pulled first, as far as it has to be.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "oci/image.h"
#include "oci/layer_stream.h"
#include "registry/pull.h"
#include "rootfs/layer_tree.h"
#include "supermachine/progress.h"

namespace supermachine::bake {

struct ImportOptions {
  std::string cache_dir;  // made if missing
  oci::Platform platform;
  oci::LayerLimits layer_limits;
  rootfs::Limits limits;
  // For another import of the same image to end.
  Deadline deadline = deadline_in(std::chrono::hours(2));
  ProgressCallback progress;
  // Of a registry's image: when it is asked, and how; `pull` says nothing else of what stands
  // above.
  PullPolicy pull_policy = PullPolicy::kMissing;
  registry::PullOptions pull;
};

struct ImportedImage {
  std::string rootfs_path;  // the squashfs, in the cache
  oci::ImageConfig config;
  std::string name;         // tag or annotation; may be empty
  oci::Digest digest;       // of the manifest (of the configuration, in a docker archive)
  std::string chain_key;    // what the cache knows the root file system by
  bool was_cached = false;  // the root file system
};

// Safe against others importing the same image at the same time, in this process or another. On
// failure the cache is as it was. An image that is in the cache costs reading its manifest and
// configuration; its layers are not looked at.
Result<ImportedImage> import_image(std::string_view reference, const ImportOptions& options);

// What the cache knows the root file system of these layers by.
[[nodiscard]] std::string rootfs_key(const std::vector<oci::Digest>& diff_ids);

}  // namespace supermachine::bake
