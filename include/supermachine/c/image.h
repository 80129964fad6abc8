/* SPDX-License-Identifier: Apache-2.0 */
/* What VMs are started from: a container image, or a snapshot of a VM. */
#ifndef SUPERMACHINE_C_IMAGE_H
#define SUPERMACHINE_C_IMAGE_H

#include "supermachine/c/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When a registry is asked for an image. */
typedef int32_t supermachine_pull_policy;
enum {
  SUPERMACHINE_PULL_ALWAYS = 0,  /* whenever it is used; downloads only what has changed */
  SUPERMACHINE_PULL_MISSING = 1, /* when it is not in the cache */
  SUPERMACHINE_PULL_NEVER = 2    /* not at all: NOT_FOUND when it is not in the cache */
};

/* --- How to open an image ----------------------------------------------------------------------
 */

typedef struct supermachine_import_options supermachine_import_options;
supermachine_import_options* supermachine_import_options_new(void) SUPERMACHINE_NOEXCEPT;
void supermachine_import_options_free(supermachine_import_options* options) SUPERMACHINE_NOEXCEPT;
/* Where pulled images and root file systems are kept. Default: $SUPERMACHINE_CACHE, else
 * $XDG_CACHE_HOME/supermachine, else ~/.cache/supermachine. */
supermachine_status supermachine_import_options_set_cache_dir(
    supermachine_import_options* options, const char* dir) SUPERMACHINE_NOEXCEPT;
/* Of references to a registry. Default SUPERMACHINE_PULL_MISSING. */
supermachine_status supermachine_import_options_set_pull_policy(
    supermachine_import_options* options, supermachine_pull_policy policy) SUPERMACHINE_NOEXCEPT;
/* Default, and all that this host runs: "linux/amd64". */
supermachine_status supermachine_import_options_set_platform(
    supermachine_import_options* options, const char* platform) SUPERMACHINE_NOEXCEPT;
/* Told what is being done, when there is work to do. NULL: nobody, the default. */
supermachine_status supermachine_import_options_set_progress(supermachine_import_options* options,
                                                             supermachine_progress_fn progress,
                                                             void* user) SUPERMACHINE_NOEXCEPT;

/* --- Images ------------------------------------------------------------------------------------
 */

/* Immutable. VMs and pools that were made of it do not need it any more. */
typedef struct supermachine_image supermachine_image;
/* An image of a registry, as docker names them: "nginx", "ghcr.io/owner/app:v1"; or one on disk:
 * "oci-archive:FILE[:TAG]", "oci-layout:DIR[:TAG]", "docker-archive:FILE[:NAME:TAG]". The first
 * time takes seconds, every later one milliseconds. `options` may be NULL. NOT_FOUND, CORRUPT,
 * UNSUPPORTED or INVALID_ARGUMENT name the image and what to do; OS, TIMEOUT and EXHAUSTED mean
 * that a registry cannot be reached now. */
supermachine_status supermachine_image_from_oci(const char* reference,
                                                const supermachine_import_options* options,
                                                supermachine_image** image,
                                                supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* A snapshot that supermachine_vm_snapshot() made: its directory, or restore.snap in it. It must
 * not be changed while VMs of it run. NOT_FOUND; CORRUPT and UNSUPPORTED with all the reasons
 * against it on this host. */
supermachine_status supermachine_image_from_snapshot(
    const char* path, supermachine_image** image, supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_image_free(supermachine_image* image) SUPERMACHINE_NOEXCEPT;

bool supermachine_image_is_snapshot(const supermachine_image* image) SUPERMACHINE_NOEXCEPT;
/* Where the snapshot lies; empty for what is none. */
const char* supermachine_image_snapshot_directory(const supermachine_image* image)
    SUPERMACHINE_NOEXCEPT;
/* Whether the workload runs in VMs of this snapshot from the beginning. */
bool supermachine_image_runs_workload(const supermachine_image* image) SUPERMACHINE_NOEXCEPT;
/* Its tag, or empty; of a registry's image the whole reference. */
const char* supermachine_image_name(const supermachine_image* image) SUPERMACHINE_NOEXCEPT;
/* "sha256:…" of its manifest. */
const char* supermachine_image_digest(const supermachine_image* image) SUPERMACHINE_NOEXCEPT;
const char* supermachine_image_rootfs_path(const supermachine_image* image) SUPERMACHINE_NOEXCEPT;

/* --- What an image says about running it (OCI image-spec, config.md) ---------------------------
 */

typedef struct supermachine_image_config supermachine_image_config;
const supermachine_image_config* supermachine_image_get_config(const supermachine_image* image)
    SUPERMACHINE_NOEXCEPT;
/* "NAME=value". */
const supermachine_string_list* supermachine_image_config_env(
    const supermachine_image_config* config) SUPERMACHINE_NOEXCEPT;
/* Comes before the arguments. */
const supermachine_string_list* supermachine_image_config_entrypoint(
    const supermachine_image_config* config) SUPERMACHINE_NOEXCEPT;
/* The arguments when none are given. */
const supermachine_string_list* supermachine_image_config_cmd(
    const supermachine_image_config* config) SUPERMACHINE_NOEXCEPT;
/* Empty: the root directory. */
const char* supermachine_image_config_working_dir(const supermachine_image_config* config)
    SUPERMACHINE_NOEXCEPT;
/* "name", "uid", "name:group", …; empty: root. */
const char* supermachine_image_config_user(const supermachine_image_config* config)
    SUPERMACHINE_NOEXCEPT;
/* "80/tcp". */
const supermachine_string_list* supermachine_image_config_exposed_ports(
    const supermachine_image_config* config) SUPERMACHINE_NOEXCEPT;
/* What asks the workload to end: "SIGQUIT", "3", …; empty: SIGTERM. */
const char* supermachine_image_config_stop_signal(const supermachine_image_config* config)
    SUPERMACHINE_NOEXCEPT;
/* Sorted. */
const supermachine_string_list* supermachine_image_config_label_names(
    const supermachine_image_config* config) SUPERMACHINE_NOEXCEPT;
/* NULL when there is no label of that name. */
const char* supermachine_image_config_label(const supermachine_image_config* config,
                                            const char* name) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
