// SPDX-License-Identifier: Apache-2.0
#include "supermachine/store.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "api/places.h"
#include "bake/bake_name.h"
#include "bake/prune.h"
#include "bake/store.h"
#include "oci/reference.h"
#include "registry/image_store.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;

constexpr auto kWait = std::chrono::minutes(1);

BakeInfo to_public(const bake::StoredBake& bake) {
  return {.name = bake.name,
          .directory = bake.directory,
          .reference = bake.record.reference,
          .key = bake.record.key,
          .is_base = bake::is_base_name(bake.name),
          .is_warm = bake.record.is_warm,
          .warmup_tag = bake.record.warmup_tag,
          .runs_workload = bake.record.workload.mode == bake::WorkloadMode::kRuns,
          .guest_port = bake.record.workload.guest_port,
          .version = bake.record.version,
          .memory_mib = static_cast<std::uint32_t>(bake.metadata.memory_mib),
          .vcpus = bake.metadata.vcpus,
          .disk_bytes = bake.disk_bytes,
          .created = static_cast<std::int64_t>(bake.metadata.created_unix),
          .last_used = bake.last_used};
}

Result<bake::Store> store_in(const StorePlaces& places) {
  return bake::Store(SM_TRY(snapshots_dir_or_default(places.snapshots_dir)));
}

Result<registry::ImageStore> images_in(const StorePlaces& places) {
  return registry::ImageStore(SM_TRY(cache_dir_or_default(places.cache_dir)));
}

std::int64_t seconds_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

Status prune_bakes(const bake::Store& store, std::chrono::seconds unused, PruneReport& report) {
  const std::int64_t before = seconds_now() - unused.count();
  const auto bakes = SM_TRY(store.list());
  std::map<std::string, std::uint64_t> sizes;
  for (const bake::StoredBake& bake : bakes) sizes[bake.name] = bake.disk_bytes;
  for (const bake::StoredBake& bake : bakes) {
    const bool goes_with_another = std::ranges::any_of(bakes, [&](const bake::StoredBake& other) {
      return bake::base_name_of(other.name) == bake.name;
    });
    if (bake.last_used > before || goes_with_another) continue;
    Status removed = store.remove(bake.name, deadline_in({}));
    const bool is_in_use = !removed.ok() && removed.error().code() == Errc::kTimeout;
    const bool is_gone = !removed.ok() && removed.error().code() == Errc::kNotFound;
    if (is_in_use || is_gone) continue;
    SM_TRY(std::move(removed));
    report.bakes.push_back(bake.name);
    report.bytes += bake.disk_bytes + sizes[bake::base_name_of(bake.name)];
  }
  return {};
}

// Keys of the root file systems that bakes in the store need.
Result<std::vector<std::string>> needed_keys(const bake::Store& store) {
  std::vector<std::string> keys;
  for (const bake::StoredBake& bake : SM_TRY(store.list()))
    keys.push_back(fs::path(bake.metadata.rootfs.path).stem());
  return keys;
}

}  // namespace

Result<std::vector<BakeInfo>> list_bakes(const StorePlaces& places) {
  std::vector<BakeInfo> bakes;
  for (const bake::StoredBake& bake : SM_TRY(SM_TRY(store_in(places)).list()))
    bakes.push_back(to_public(bake));
  return bakes;
}

Result<std::optional<BakeInfo>> find_bake(const std::string& name, const StorePlaces& places) {
  if (!bake::check_bake_name(name).ok()) return std::optional<BakeInfo>();
  const auto found = SM_TRY(store_in(places)).find(name);
  return found ? std::optional(to_public(*found)) : std::nullopt;
}

void mark_bake_used(const std::string& name, const StorePlaces& places) {
  if (const auto store = store_in(places); store.ok() && bake::check_bake_name(name).ok())
    store.value().touch(name);
}

Result<std::vector<PulledImage>> list_pulled(const StorePlaces& places) {
  const registry::ImageStore images = SM_TRY(images_in(places));
  std::vector<PulledImage> pulled;
  for (const registry::StoredImage& image : SM_TRY(images.list())) {
    const auto since = image.pulled_at.time_since_epoch();
    const auto bytes = images.size_of(image);
    if (!bytes.ok()) continue;  // what is damaged is not here
    pulled.push_back({.reference = image.reference.familiar(),
                      .platform = image.platform.text(),
                      .digest = image.digest.text(),
                      .bytes = bytes.value(),
                      .pulled = std::chrono::duration_cast<std::chrono::seconds>(since).count()});
  }
  return pulled;
}

Status remove_bake(const std::string& name, const StorePlaces& places) {
  return SM_TRY(store_in(places)).remove(name, deadline_in(kWait));
}

Status remove_pulled(const std::string& reference, const StorePlaces& places) {
  const oci::Reference parsed = SM_TRY(oci::Reference::parse(reference));
  if (parsed.kind != oci::Reference::Kind::kRegistry)
    return Error(Errc::kInvalidArgument, reference + " is on disk: there is nothing to remove");
  if (SM_TRY(SM_TRY(images_in(places)).remove(parsed.registry))) return {};
  return Error(Errc::kNotFound, "no image " + reference + " is here");
}

Result<PruneReport> prune(const PruneOptions& options, const StorePlaces& places) {
  PruneReport report;
  const bake::Store store = SM_TRY(store_in(places));
  const std::string cache_dir = SM_TRY(cache_dir_or_default(places.cache_dir));
  // First: who has to give up waiting is to have removed nothing.
  const SharedLock alone = SM_TRY(registry::ImageStore(cache_dir).use_alone(deadline_in(kWait)));
  const snapshot::Removed remains = store.remove_remains();
  if (options.unused_bakes) SM_TRY(prune_bakes(store, *options.unused_bakes, report));
  bake::RootfsKeys needed;
  if (options.root_file_systems) needed = [&] { return needed_keys(store); };
  const registry::PruneReport images = SM_TRY(bake::prune_images(cache_dir, alone, needed));
  report.files = remains.files + images.files;
  report.bytes += remains.bytes + images.bytes;
  return report;
}

}  // namespace supermachine
