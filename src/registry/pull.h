// SPDX-License-Identifier: Apache-2.0
// An image from a registry into the store, as its policy has it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/progress_report.h"
#include "registry/image_store.h"
#include "registry/repository_client.h"
#include "supermachine/pull_policy.h"

namespace supermachine::registry {

struct PullOptions {
  std::string cache_dir;  // made if missing
  oci::Platform platform;
  PullPolicy policy = PullPolicy::kMissing;
  int parallel = 4;  // blobs at once
  Environment environment = Environment::of_process();
  HttpOptions http;  // its timeouts; the rest comes from the environment
  RetryPolicy retry;
  RetryPolicy metadata_retry{.attempts = 3};
  // For others that hold what we need: a download of the same blob, a prune.
  Deadline deadline = deadline_in(std::chrono::hours(1));
  std::function<bool()> cancelled;  // asked from several threads
  // Whether its layers are wanted, once manifest and configuration are here; they are unless it
  // says no.
  std::function<bool(const oci::Image&)> wants_layers;
};

struct Pulled {
  StoredImage stored;
  oci::Image image;
  bool was_here = false;  // nothing was downloaded
  // Nobody prunes it meanwhile. None where no layer was wanted.
  std::optional<SharedLock> in_use;
};

// Errors begin with the reference. kNotFound, also under a policy of never and in words for it;
// kUnsupported for an image that is none; kCorrupt for what does not match its digest; kExhausted,
// kTimeout or kOs when the registry cannot be reached. What was downloaded before a failure stays,
// for the next time.
Result<Pulled> pull(const oci::RegistryReference& reference, const PullOptions& options,
                    ProgressReport& progress);

}  // namespace supermachine::registry
