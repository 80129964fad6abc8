// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/store.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

namespace {

StorePlaces to_places(const supermachine_places* places) {
  return places == nullptr ? StorePlaces() : places->places;
}

}  // namespace

supermachine_bake_list::supermachine_bake_list(std::vector<BakeInfo> found) {
  for (BakeInfo& info : found) bakes.push_back({std::move(info)});
}
supermachine_pulled_image_list::supermachine_pulled_image_list(std::vector<PulledImage> found) {
  for (PulledImage& image : found) images.push_back({std::move(image)});
}

supermachine_places* supermachine_places_new() noexcept { return new supermachine_places(); }
void supermachine_places_free(supermachine_places* places) noexcept { delete places; }
supermachine_status supermachine_places_set_snapshots_dir(supermachine_places* places,
                                                          const char* dir) noexcept {
  return set({{"places", places}, {"dir", dir}}, [&] { places->places.snapshots_dir = dir; });
}
supermachine_status supermachine_places_set_cache_dir(supermachine_places* places,
                                                      const char* dir) noexcept {
  return set({{"places", places}, {"dir", dir}}, [&] { places->places.cache_dir = dir; });
}

void supermachine_bake_free(supermachine_bake* bake) noexcept { delete bake; }
const char* supermachine_bake_name(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.name; });
}
const char* supermachine_bake_directory(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.directory; });
}
const char* supermachine_bake_reference(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.reference; });
}
const char* supermachine_bake_key(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.key; });
}
bool supermachine_bake_is_base(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.is_base; });
}
bool supermachine_bake_is_warm(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.is_warm; });
}
const char* supermachine_bake_warmup_tag(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.warmup_tag; });
}
bool supermachine_bake_runs_workload(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.runs_workload; });
}
uint16_t supermachine_bake_guest_port(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.guest_port; });
}
const char* supermachine_bake_version(const supermachine_bake* bake) noexcept {
  return get_string(
      bake, [](auto& b) -> auto& { return b.info.version; });
}
uint32_t supermachine_bake_memory_mib(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.memory_mib; });
}
uint32_t supermachine_bake_vcpus(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.vcpus; });
}
uint64_t supermachine_bake_disk_bytes(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.disk_bytes; });
}
int64_t supermachine_bake_created(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.created; });
}
int64_t supermachine_bake_last_used(const supermachine_bake* bake) noexcept {
  return get(bake, [](auto& b) { return b.info.last_used; });
}

supermachine_status supermachine_store_list_bakes(const supermachine_places* places,
                                                  supermachine_bake_list** list,
                                                  supermachine_error** error) noexcept {
  return give(list, error, {}, [&] { return list_bakes(to_places(places)); });
}
void supermachine_bake_list_free(supermachine_bake_list* list) noexcept { delete list; }
size_t supermachine_bake_list_count(const supermachine_bake_list* list) noexcept {
  return get(list, [](auto& l) { return l.bakes.size(); });
}
const supermachine_bake* supermachine_bake_list_at(const supermachine_bake_list* list,
                                                   size_t index) noexcept {
  return list == nullptr || index >= list->bakes.size() ? nullptr : &list->bakes[index];
}
supermachine_status supermachine_store_find_bake(const char* name,
                                                 const supermachine_places* places,
                                                 supermachine_bake** bake,
                                                 supermachine_error** error) noexcept {
  return give(bake, error, {{"name", name}}, [&] { return find_bake(name, to_places(places)); });
}
supermachine_status supermachine_store_mark_bake_used(const char* name,
                                                      const supermachine_places* places) noexcept {
  return set({{"name", name}}, [&] { mark_bake_used(name, to_places(places)); });
}
supermachine_status supermachine_store_remove_bake(const char* name,
                                                   const supermachine_places* places,
                                                   supermachine_error** error) noexcept {
  return call(error, {{"name", name}}, [&] { return remove_bake(name, to_places(places)); });
}

const char* supermachine_pulled_image_reference(const supermachine_pulled_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.reference; });
}
const char* supermachine_pulled_image_platform(const supermachine_pulled_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.platform; });
}
const char* supermachine_pulled_image_digest(const supermachine_pulled_image* image) noexcept {
  return get_string(
      image, [](auto& i) -> auto& { return i.image.digest; });
}
uint64_t supermachine_pulled_image_bytes(const supermachine_pulled_image* image) noexcept {
  return get(image, [](auto& i) { return i.image.bytes; });
}
int64_t supermachine_pulled_image_pulled(const supermachine_pulled_image* image) noexcept {
  return get(image, [](auto& i) { return i.image.pulled; });
}

supermachine_status supermachine_store_list_pulled(const supermachine_places* places,
                                                   supermachine_pulled_image_list** list,
                                                   supermachine_error** error) noexcept {
  return give(list, error, {}, [&] { return list_pulled(to_places(places)); });
}
void supermachine_pulled_image_list_free(supermachine_pulled_image_list* list) noexcept {
  delete list;
}
size_t supermachine_pulled_image_list_count(const supermachine_pulled_image_list* list) noexcept {
  return get(list, [](auto& l) { return l.images.size(); });
}
const supermachine_pulled_image* supermachine_pulled_image_list_at(
    const supermachine_pulled_image_list* list, size_t index) noexcept {
  return list == nullptr || index >= list->images.size() ? nullptr : &list->images[index];
}
supermachine_status supermachine_store_remove_pulled(const char* reference,
                                                     const supermachine_places* places,
                                                     supermachine_error** error) noexcept {
  return call(error, {{"reference", reference}},
              [&] { return remove_pulled(reference, to_places(places)); });
}

supermachine_prune_options* supermachine_prune_options_new() noexcept {
  return new supermachine_prune_options();
}
void supermachine_prune_options_free(supermachine_prune_options* options) noexcept {
  delete options;
}
supermachine_status supermachine_prune_options_set_unused_bakes(supermachine_prune_options* options,
                                                                int64_t unused_for) noexcept {
  return set_time(options, unused_for, [&](auto time) {
    options->options.unused_bakes =
        unused_for == SUPERMACHINE_FOREVER
            ? std::nullopt
            : std::optional(std::chrono::ceil<std::chrono::seconds>(time));
  });
}
supermachine_status supermachine_prune_options_set_root_file_systems(
    supermachine_prune_options* options, bool on) noexcept {
  return set({{"options", options}}, [&] { options->options.root_file_systems = on; });
}

supermachine_status supermachine_store_prune(const supermachine_prune_options* options,
                                             const supermachine_places* places,
                                             supermachine_prune_report** report,
                                             supermachine_error** error) noexcept {
  return give(report, error, {}, [&] {
    return prune(options == nullptr ? PruneOptions() : options->options, to_places(places));
  });
}
void supermachine_prune_report_free(supermachine_prune_report* report) noexcept { delete report; }
const supermachine_string_list* supermachine_prune_report_bakes(
    const supermachine_prune_report* report) noexcept {
  return get(report, [](auto& r) { return &r.bakes; });
}
uint64_t supermachine_prune_report_files(const supermachine_prune_report* report) noexcept {
  return get(report, [](auto& r) { return r.report.files; });
}
uint64_t supermachine_prune_report_bytes(const supermachine_prune_report* report) noexcept {
  return get(report, [](auto& r) { return r.report.bytes; });
}
