// SPDX-License-Identifier: Apache-2.0
// What is kept on this host: bakes in their store, images of registries in the cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supermachine/detail/std.h"
#include "supermachine/result.h"

namespace supermachine {

// A bake, as OciImageBuilder::build() made it. Its directory is a snapshot like any other, see
// inspect_snapshot() for what it says of the machine.
struct BakeInfo {
  std::string name;
  std::string directory;
  std::string reference;         // the image as it was asked for
  std::string key;               // of everything that it was made from; 64 hex digits
  bool is_base = false;          // kept to make the warm-up of another again; goes with that
  bool is_warm = false;          // a warm-up ran before the capture
  std::string warmup_tag;        // of it
  bool runs_workload = false;    // it was captured when its workload listened
  std::uint16_t guest_port = 0;  // where it listens; 0: not known
  std::string version;           // of the supermachine that made it
  std::uint32_t memory_mib = 0;
  std::uint32_t vcpus = 0;
  std::uint64_t disk_bytes = 0;  // that its files occupy, without the root file system
  std::int64_t created = 0;      // seconds since 1970
  std::int64_t last_used = 0;    // the same
};

// An image that was pulled from a registry.
struct PulledImage {
  std::string reference;
  std::string platform;
  std::string digest;       // of its manifest
  std::uint64_t bytes = 0;  // of its blobs, compressed
  std::int64_t pulled = 0;  // seconds since 1970
};

// Where to look; empty fields: the defaults of OciImageBuilder.
struct StorePlaces {
  std::string snapshots_dir = {};
  std::string cache_dir = {};
};

// Sorted by name. What is damaged or no bake is passed over.
Result<std::vector<BakeInfo>> list_bakes(const StorePlaces& places = {});
// nullopt when there is none of that name, or it is damaged.
Result<std::optional<BakeInfo>> find_bake(const std::string& name, const StorePlaces& places = {});
// For who starts VMs from its directory; OciImageBuilder does it by itself.
void mark_bake_used(const std::string& name, const StorePlaces& places = {});
// By name. What is damaged is passed over.
Result<std::vector<PulledImage>> list_pulled(const StorePlaces& places = {});

// VMs that run from it go on. kNotFound; kTimeout while somebody makes it for longer than a minute.
Status remove_bake(const std::string& name, const StorePlaces& places = {});
// Forgets a pulled image; its blobs go with the next prune(). kNotFound.
Status remove_pulled(const std::string& reference, const StorePlaces& places = {});

struct PruneOptions {
  // Bakes that nobody used for so long go too. Default: none; zero: all.
  std::optional<std::chrono::seconds> unused_bakes = {};
  // Root file systems that no bake in the store and no pulled image needs go too. They are made
  // again when an image is used; snapshots elsewhere that refer to one cannot be restored until
  // then.
  bool root_file_systems = false;
};

struct PruneReport {
  std::vector<std::string> bakes;  // names of those that went
  std::uint64_t files = 0;         // others
  std::uint64_t bytes = 0;         // of all
};

// Removes what nothing leads to: blobs of images that were removed or replaced, remains of
// interrupted downloads, imports and bakes. What somebody makes meanwhile stays. Waits for pulls
// that are under way, up to a minute: kTimeout.
Result<PruneReport> prune(const PruneOptions& options = {}, const StorePlaces& places = {});

}  // namespace supermachine
