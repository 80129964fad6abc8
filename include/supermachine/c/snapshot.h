/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: running VMs kept on disk. supermachine_vm_snapshot() makes one,
 * supermachine_image_from_snapshot() starts VMs of it. */
#ifndef SUPERMACHINE_C_SNAPSHOT_H
#define SUPERMACHINE_C_SNAPSHOT_H

#include "supermachine/c/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- How one is to be made ---------------------------------------------------------------------
 */

typedef struct supermachine_snapshot_options supermachine_snapshot_options;
supermachine_snapshot_options* supermachine_snapshot_options_new(void) SUPERMACHINE_NOEXCEPT;
void supermachine_snapshot_options_free(supermachine_snapshot_options* options)
    SUPERMACHINE_NOEXCEPT;
/* Copy the root file system into the snapshot, which can then be moved to another host. Default
 * false: it refers to the one in the cache. */
supermachine_status supermachine_snapshot_options_set_include_rootfs(
    supermachine_snapshot_options* options, bool on) SUPERMACHINE_NOEXCEPT;
/* Have the guest give back its page cache first: smaller, and its VMs start colder. Default false.
 */
supermachine_status supermachine_snapshot_options_set_drop_caches(
    supermachine_snapshot_options* options, bool on) SUPERMACHINE_NOEXCEPT;
/* Start one copy and run a trivial command in it, to record which pages a start touches and to
 * prove that copies start. Default true. */
supermachine_status supermachine_snapshot_options_set_rehearse(
    supermachine_snapshot_options* options, bool on) SUPERMACHINE_NOEXCEPT;
/* How long the guest may take to prepare and to stop. Default 30 s. */
supermachine_status supermachine_snapshot_options_set_timeout(
    supermachine_snapshot_options* options, int64_t timeout) SUPERMACHINE_NOEXCEPT;

/* --- What one on disk is -----------------------------------------------------------------------
 */

typedef struct supermachine_snapshot_info supermachine_snapshot_info;
/* Reads the snapshot in `path`: the directory, or restore.snap in it. NOT_FOUND, CORRUPT and
 * UNSUPPORTED say what is wrong with it. */
supermachine_status supermachine_snapshot_inspect(const char* path,
                                                  supermachine_snapshot_info** info,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Reads all of its memory and compares checksums, which restoring does not: CORRUPT names the place
 * that differs. */
supermachine_status supermachine_snapshot_verify(const char* path,
                                                 supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_snapshot_info_free(supermachine_snapshot_info* info) SUPERMACHINE_NOEXCEPT;

const char* supermachine_snapshot_info_directory(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* 32 hex digits, its own. */
const char* supermachine_snapshot_info_id(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* Whether it holds only the difference to _base(), and needs it. */
bool supermachine_snapshot_info_is_diff(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* A directory; empty for what is no difference. */
const char* supermachine_snapshot_info_base(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* Seconds since 1970. */
int64_t supermachine_snapshot_info_created(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
uint32_t supermachine_snapshot_info_memory_mib(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
uint32_t supermachine_snapshot_info_vcpus(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* Of guest memory, in this directory. */
uint64_t supermachine_snapshot_info_stored_bytes(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* That a start is known to touch; 0: not recorded. */
uint64_t supermachine_snapshot_info_hot_bytes(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
const char* supermachine_snapshot_info_image_name(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
const char* supermachine_snapshot_info_image_digest(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
const char* supermachine_snapshot_info_rootfs_path(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
const char* supermachine_snapshot_info_cpu_vendor(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
/* Its build. */
const char* supermachine_snapshot_info_guest_kernel(const supermachine_snapshot_info* info)
    SUPERMACHINE_NOEXCEPT;
const supermachine_image_config* supermachine_snapshot_info_image_config(
    const supermachine_snapshot_info* info) SUPERMACHINE_NOEXCEPT;
/* Why this host cannot restore it, each for people; empty: it can, as far as this shows. */
const supermachine_string_list* supermachine_snapshot_info_problems(
    const supermachine_snapshot_info* info) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
