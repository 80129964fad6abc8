// SPDX-License-Identifier: Apache-2.0
// Images from registries as they lie in the cache: blobs by digest, and which reference means which
// manifest (docs/formats/image-cache.md). Safe against other processes that do the same: files
// appear whole, and what is damaged counts as absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/files.h"
#include "base/shared_lock.h"
#include "oci/image.h"
#include "oci/manifest.h"

namespace supermachine::registry {

// What is known under one reference.
struct StoredImage {
  oci::RegistryReference reference;
  oci::Platform platform;
  oci::Digest digest;        // what the registry gives the reference: of an index, if there is one
  oci::Descriptor manifest;  // of the platform
  std::chrono::system_clock::time_point pulled_at;
};

struct PruneReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

class ImageStore {
 public:
  // `cache_dir`/images; made when something is put there.
  explicit ImageStore(const std::string& cache_dir) : root_(cache_dir + "/images") {}

  // What is here under a reference. With a digest, also what was pulled by a tag of the same
  // repository. An image is here when its manifest and configuration are; layers may be missing.
  Result<std::optional<StoredImage>> resolve(const oci::RegistryReference& reference,
                                             const oci::Platform& platform) const;
  // All of them, by name.
  Result<std::vector<StoredImage>> list() const;
  // Forgets a reference; its blobs go with the next prune(). False when it was not here.
  Result<bool> remove(const oci::RegistryReference& reference) const;
  // Removes blobs that no reference leads to, and what interrupted downloads left. For who has the
  // store alone.
  Result<PruneReport> prune(const SharedLock& alone) const;

  // Manifest and configuration, checked; its layers are looked at when they are read.
  Result<oci::Image> open(const StoredImage& stored) const;
  // Bytes on disk of the manifest, configuration and layers.
  Result<std::uint64_t> size_of(const StoredImage& stored) const;

  // For a pull: nothing is pruned while one of these is held.
  Result<SharedLock> use(Deadline deadline) const;
  // For prune(). Waits for pulls to end, in other processes too; kTimeout when they do not.
  Result<SharedLock> use_alone(Deadline deadline) const;
  // By its size; layers are held against their digests when they are read.
  [[nodiscard]] bool has_blob(const oci::Digest& digest, std::uint64_t size) const;
  Status put_blob(const std::string& bytes, const oci::Digest& digest) const;
  // The bytes of a small one; nullopt when it is missing or not what its digest says.
  std::optional<std::string> small_blob(const oci::Digest& digest) const;
  // Under it a blob is brought here, or taken away for being damaged. kTimeout while another has
  // it.
  Result<FileLock> lock_blob(const oci::Digest& digest, Deadline deadline,
                             const std::function<bool()>& cancelled) const;
  // Removes layers of the image that are not what their digests say. Afterwards each is right or
  // gone, also while others do the same or fetch it.
  Status drop_damaged(const oci::Image& image, Deadline deadline,
                      const std::function<bool()>& cancelled) const;
  Status record(const StoredImage& stored) const;

  [[nodiscard]] std::string blob_path(const oci::Digest& digest) const {
    return root_ + "/blobs/sha256/" + digest.hex();
  }
  [[nodiscard]] std::string partial_path(const oci::Digest& digest) const {
    return root_ + "/partial/" + digest.hex();
  }
  Status make_places() const;

 private:
  [[nodiscard]] std::string record_path(const oci::RegistryReference& reference,
                                        const oci::Platform& platform) const;
  [[nodiscard]] bool is_whole(const StoredImage& stored) const;
  Result<std::vector<oci::Digest>> reachable() const;

  std::string root_;
};

// A record's bytes.
[[nodiscard]] std::string format_record(const StoredImage& stored);
Result<StoredImage> parse_record(std::string_view text);

}  // namespace supermachine::registry
