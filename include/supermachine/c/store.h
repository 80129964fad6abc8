/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept on this host: bakes in their store, images of registries in the cache. */
#ifndef SUPERMACHINE_C_STORE_H
#define SUPERMACHINE_C_STORE_H

#include <stdbool.h>

#include "supermachine/c/values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where to look. NULL in its place, and what is not set: the defaults of supermachine_builder. */
typedef struct supermachine_places supermachine_places;
supermachine_places* supermachine_places_new(void) SUPERMACHINE_NOEXCEPT; /* never NULL */
void supermachine_places_free(supermachine_places* places) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_places_set_snapshots_dir(supermachine_places* places,
                                                          const char* dir) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_places_set_cache_dir(supermachine_places* places,
                                                      const char* dir) SUPERMACHINE_NOEXCEPT;

/* --- Bakes -------------------------------------------------------------------------------------
 */

/* As supermachine_builder_build() made it. Its directory is a snapshot like any other, see
 * supermachine_snapshot_inspect() for what it says of the machine. */
typedef struct supermachine_bake supermachine_bake;
void supermachine_bake_free(supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
const char* supermachine_bake_name(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
const char* supermachine_bake_directory(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* The image as it was asked for. */
const char* supermachine_bake_reference(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* Of everything that it was made from; 64 hex digits. */
const char* supermachine_bake_key(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* Kept to make the warm-up of another again; goes with that. */
bool supermachine_bake_is_base(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* A warm-up ran before the capture; its tag. */
bool supermachine_bake_is_warm(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
const char* supermachine_bake_warmup_tag(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* It was captured when its workload listened. */
bool supermachine_bake_runs_workload(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* Where it listens; 0: not known. */
uint16_t supermachine_bake_guest_port(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* Of the supermachine that made it. */
const char* supermachine_bake_version(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
uint32_t supermachine_bake_memory_mib(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
uint32_t supermachine_bake_vcpus(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* That its files occupy, without the root file system. */
uint64_t supermachine_bake_disk_bytes(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
/* Seconds since 1970. */
int64_t supermachine_bake_created(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;
int64_t supermachine_bake_last_used(const supermachine_bake* bake) SUPERMACHINE_NOEXCEPT;

typedef struct supermachine_bake_list supermachine_bake_list;
/* Sorted by name. What is damaged or no bake is passed over. */
supermachine_status supermachine_store_list_bakes(const supermachine_places* places,
                                                  supermachine_bake_list** list,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_bake_list_free(supermachine_bake_list* list) SUPERMACHINE_NOEXCEPT;
size_t supermachine_bake_list_count(const supermachine_bake_list* list) SUPERMACHINE_NOEXCEPT;
/* Borrowed from the list; NULL from `index` = count on. */
const supermachine_bake* supermachine_bake_list_at(const supermachine_bake_list* list,
                                                   size_t index) SUPERMACHINE_NOEXCEPT;
/* *bake is NULL when there is none of that name, or it is damaged. */
supermachine_status supermachine_store_find_bake(const char* name,
                                                 const supermachine_places* places,
                                                 supermachine_bake** bake,
                                                 supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* For who starts VMs from its directory; supermachine_builder_build() does it by itself. */
supermachine_status supermachine_store_mark_bake_used(
    const char* name, const supermachine_places* places) SUPERMACHINE_NOEXCEPT;
/* VMs that run from it go on. NOT_FOUND; TIMEOUT while somebody makes it for longer than a minute.
 */
supermachine_status supermachine_store_remove_bake(
    const char* name, const supermachine_places* places,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Images that were pulled from a registry ---------------------------------------------------
 */

typedef struct supermachine_pulled_image supermachine_pulled_image;
const char* supermachine_pulled_image_reference(const supermachine_pulled_image* image)
    SUPERMACHINE_NOEXCEPT;
const char* supermachine_pulled_image_platform(const supermachine_pulled_image* image)
    SUPERMACHINE_NOEXCEPT;
/* Of its manifest. */
const char* supermachine_pulled_image_digest(const supermachine_pulled_image* image)
    SUPERMACHINE_NOEXCEPT;
/* Of its blobs, compressed. */
uint64_t supermachine_pulled_image_bytes(const supermachine_pulled_image* image)
    SUPERMACHINE_NOEXCEPT;
/* When: seconds since 1970. */
int64_t supermachine_pulled_image_pulled(const supermachine_pulled_image* image)
    SUPERMACHINE_NOEXCEPT;

typedef struct supermachine_pulled_image_list supermachine_pulled_image_list;
/* By name. */
supermachine_status supermachine_store_list_pulled(
    const supermachine_places* places, supermachine_pulled_image_list** list,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_pulled_image_list_free(supermachine_pulled_image_list* list)
    SUPERMACHINE_NOEXCEPT;
size_t supermachine_pulled_image_list_count(const supermachine_pulled_image_list* list)
    SUPERMACHINE_NOEXCEPT;
/* Borrowed from the list; NULL from `index` = count on. */
const supermachine_pulled_image* supermachine_pulled_image_list_at(
    const supermachine_pulled_image_list* list, size_t index) SUPERMACHINE_NOEXCEPT;
/* Forgets a pulled image; its blobs go with the next prune. NOT_FOUND. */
supermachine_status supermachine_store_remove_pulled(
    const char* reference, const supermachine_places* places,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Making room -------------------------------------------------------------------------------
 */

typedef struct supermachine_prune_options supermachine_prune_options;
supermachine_prune_options* supermachine_prune_options_new(void) SUPERMACHINE_NOEXCEPT;
void supermachine_prune_options_free(supermachine_prune_options* options) SUPERMACHINE_NOEXCEPT;
/* Bakes that nobody used for so long go too; 0: all. SUPERMACHINE_FOREVER, the default: none. */
supermachine_status supermachine_prune_options_set_unused_bakes(
    supermachine_prune_options* options, int64_t unused_for) SUPERMACHINE_NOEXCEPT;
/* Root file systems that no bake in the store and no pulled image needs go too. They are made again
 * when an image is used; snapshots elsewhere that refer to one cannot be restored until then.
 * Default false. */
supermachine_status supermachine_prune_options_set_root_file_systems(
    supermachine_prune_options* options, bool on) SUPERMACHINE_NOEXCEPT;

typedef struct supermachine_prune_report supermachine_prune_report;
/* Removes what nothing leads to: blobs of images that were removed or replaced, remains of
 * interrupted downloads, imports and bakes. What somebody makes meanwhile stays. `options` may be
 * NULL. Waits for pulls that are under way, up to a minute: TIMEOUT. */
supermachine_status supermachine_store_prune(const supermachine_prune_options* options,
                                             const supermachine_places* places,
                                             supermachine_prune_report** report,
                                             supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_prune_report_free(supermachine_prune_report* report) SUPERMACHINE_NOEXCEPT;
/* Names of those that went. */
const supermachine_string_list* supermachine_prune_report_bakes(
    const supermachine_prune_report* report) SUPERMACHINE_NOEXCEPT;
/* How many others. */
uint64_t supermachine_prune_report_files(const supermachine_prune_report* report)
    SUPERMACHINE_NOEXCEPT;
/* Of all. */
uint64_t supermachine_prune_report_bytes(const supermachine_prune_report* report)
    SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
