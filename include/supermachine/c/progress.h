/* SPDX-License-Identifier: Apache-2.0 */
/* What long work is doing: pulling, unpacking, booting, capturing. */
#ifndef SUPERMACHINE_C_PROGRESS_H
#define SUPERMACHINE_C_PROGRESS_H

#include <stdbool.h>

#include "supermachine/c/values.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t supermachine_stage;
enum {
  SUPERMACHINE_STAGE_RESOLVE = 0,  /* asking the registry which image a name means */
  SUPERMACHINE_STAGE_DOWNLOAD = 1, /* of the image's blobs */
  SUPERMACHINE_STAGE_UNPACK = 2,   /* layers become one tree */
  SUPERMACHINE_STAGE_ROOTFS = 3,   /* the tree becomes a read-only file system */
  SUPERMACHINE_STAGE_BOOT = 4,     /* until the agent answers */
  SUPERMACHINE_STAGE_LISTENER = 5, /* waiting for the workload to listen */
  SUPERMACHINE_STAGE_WARMUP = 6,
  SUPERMACHINE_STAGE_CAPTURE = 7 /* and one copy is started, as a proof */
};
/* "download", as it stands in logs; "unknown" for a number that is none. Never freed. */
const char* supermachine_stage_name(supermachine_stage stage) SUPERMACHINE_NOEXCEPT;

/* A step of a stage, as it stands now. Lives until the callback returns. */
typedef struct supermachine_progress supermachine_progress;
supermachine_stage supermachine_progress_stage(const supermachine_progress* progress)
    SUPERMACHINE_NOEXCEPT;
/* Names the step among those of its stage: "layer sha256:3f5c…"; empty when there is one step. */
const char* supermachine_progress_item(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;
/* Bytes. */
uint64_t supermachine_progress_done(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;
/* Bytes; 0: not known, or nothing to count. */
uint64_t supermachine_progress_total(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;
/* Since the step began; 0 in its first call. */
int64_t supermachine_progress_elapsed(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;
/* Whether this is the last call of the step. A step that fails has none. */
bool supermachine_progress_finished(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;
/* "already here", "resumed at 12 MiB", "attempt 2: …"; empty when there is nothing to say. */
const char* supermachine_progress_note(const supermachine_progress* progress) SUPERMACHINE_NOEXCEPT;

/* Called from the thread that does the work, the caller's or one of the library's own, one call at
 * a time, at most ten a second for a step. It must return soon, may not throw, and must not call
 * back into what reports to it. `user` is what was given with the function; both must be good until
 * the call that does the work returns. */
typedef void (*supermachine_progress_fn)(const supermachine_progress* progress, void* user);

#ifdef __cplusplus
}
#endif
#endif
