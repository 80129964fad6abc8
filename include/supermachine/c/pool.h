/* SPDX-License-Identifier: Apache-2.0 */
/* VMs kept ready: handed out in milliseconds, reset to their snapshot when they come back. */
#ifndef SUPERMACHINE_C_POOL_H
#define SUPERMACHINE_C_POOL_H

#include "supermachine/c/config.h"
#include "supermachine/c/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct supermachine_pool supermachine_pool;

/* --- How a pool is to be -----------------------------------------------------------------------
 */

typedef struct supermachine_pool_builder supermachine_pool_builder;
supermachine_status supermachine_pool_builder_new(const supermachine_image* image,
                                                  supermachine_pool_builder** builder,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_pool_builder_free(supermachine_pool_builder* builder) SUPERMACHINE_NOEXCEPT;
/* VMs kept ready even when nobody asks. Default 0: made when they are needed. */
supermachine_status supermachine_pool_builder_set_min(supermachine_pool_builder* builder,
                                                      size_t count) SUPERMACHINE_NOEXCEPT;
/* Default 16. */
supermachine_status supermachine_pool_builder_set_max(supermachine_pool_builder* builder,
                                                      size_t count) SUPERMACHINE_NOEXCEPT;
/* VMs beyond the minimum that nobody used for so long end. Default 60 s. */
supermachine_status supermachine_pool_builder_set_idle_timeout(
    supermachine_pool_builder* builder, int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* How long supermachine_pool_acquire() waits for a VM. Default 30 s. */
supermachine_status supermachine_pool_builder_set_acquire_timeout(
    supermachine_pool_builder* builder, int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* Whether a VM that comes back is reset to its snapshot. Default true. False keeps its processes,
 * files and memory: faster, and nothing then separates one user from the next. */
supermachine_status supermachine_pool_builder_set_restore_on_release(
    supermachine_pool_builder* builder, bool on) SUPERMACHINE_NOEXCEPT;
/* Bytes of host memory that the guests may have for themselves, looked at when a VM is handed out:
 * beyond it acquiring waits, but for a first VM in use, which is always allowed. Default 0: no
 * limit. */
supermachine_status supermachine_pool_builder_set_memory_budget(
    supermachine_pool_builder* builder, uint64_t bytes) SUPERMACHINE_NOEXCEPT;
/* Bytes of what a VM wrote that it keeps for itself while it is idle. Default 256 KiB. */
supermachine_status supermachine_pool_builder_set_warm_memory(supermachine_pool_builder* builder,
                                                              uint64_t bytes) SUPERMACHINE_NOEXCEPT;
/* Timeouts, assets, names and payload of its VMs. */
supermachine_status supermachine_pool_builder_set_config(
    supermachine_pool_builder* builder, const supermachine_config* config) SUPERMACHINE_NOEXCEPT;
/* With an image that is no snapshot, one VM is booted and captured first, which takes as long as a
 * boot. The VMs of the minimum exist when this returns. INVALID_ARGUMENT for settings that
 * contradict each other. */
supermachine_status supermachine_pool_builder_build(
    const supermachine_pool_builder* builder, supermachine_pool** pool,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Pools -------------------------------------------------------------------------------------
 */

/* VMs on loan may outlive it; its idle VMs end when the last of both is freed. */
void supermachine_pool_free(supermachine_pool* pool) SUPERMACHINE_NOEXCEPT;
/* A VM that nobody used since its snapshot; supermachine_vm_free() gives it back. The longest
 * waiting caller is served first. TIMEOUT when none is free in time, EXHAUSTED when the memory
 * budget stood against it; other errors are those of a start that failed, which concern this VM
 * alone. */
supermachine_status supermachine_pool_acquire(const supermachine_pool* pool, supermachine_vm** vm,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Figures -----------------------------------------------------------------------------------
 */

/* As they were at the moment of asking. */
typedef struct supermachine_pool_stats supermachine_pool_stats;
supermachine_status supermachine_pool_get_stats(const supermachine_pool* pool,
                                                supermachine_pool_stats** stats,
                                                supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_pool_stats_free(supermachine_pool_stats* stats) SUPERMACHINE_NOEXCEPT;
/* VMs there are; of them, ready to be handed out; of them, handed out; as many there may be. */
uint64_t supermachine_pool_stats_alive(const supermachine_pool_stats* stats) SUPERMACHINE_NOEXCEPT;
uint64_t supermachine_pool_stats_idle(const supermachine_pool_stats* stats) SUPERMACHINE_NOEXCEPT;
uint64_t supermachine_pool_stats_in_use(const supermachine_pool_stats* stats) SUPERMACHINE_NOEXCEPT;
uint64_t supermachine_pool_stats_max(const supermachine_pool_stats* stats) SUPERMACHINE_NOEXCEPT;
/* Callers that wait for a VM. */
uint64_t supermachine_pool_stats_waiting(const supermachine_pool_stats* stats)
    SUPERMACHINE_NOEXCEPT;
/* Since the pool was built: VMs handed out; VMs given up, that failed or were idle for too long. */
uint64_t supermachine_pool_stats_acquired(const supermachine_pool_stats* stats)
    SUPERMACHINE_NOEXCEPT;
uint64_t supermachine_pool_stats_retired(const supermachine_pool_stats* stats)
    SUPERMACHINE_NOEXCEPT;
/* Guest memory that VMs have for themselves, all together. */
uint64_t supermachine_pool_stats_private_bytes(const supermachine_pool_stats* stats)
    SUPERMACHINE_NOEXCEPT;

typedef int32_t supermachine_latency;
enum {
  SUPERMACHINE_LATENCY_RESTORE = 0, /* of VMs that were made: from nothing to the agent's answer */
  SUPERMACHINE_LATENCY_WAKE = 1,    /* of VMs that were ready: to the agent's answer */
  SUPERMACHINE_LATENCY_RESET = 2    /* of VMs that came back */
};
/* How many were measured, and the time that `percent` of them did not exceed: 50, 95 or 99. 0 when
 * there is nothing of the kind. */
uint64_t supermachine_pool_stats_latency_count(const supermachine_pool_stats* stats,
                                               supermachine_latency latency) SUPERMACHINE_NOEXCEPT;
int64_t supermachine_pool_stats_latency(const supermachine_pool_stats* stats,
                                        supermachine_latency latency,
                                        int percent) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
