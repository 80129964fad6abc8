/* SPDX-License-Identifier: Apache-2.0 */
/* How a call failed. supermachine/supermachine.h has the rules. */
#ifndef SUPERMACHINE_C_ERROR_H
#define SUPERMACHINE_C_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
#define SUPERMACHINE_NOEXCEPT noexcept
extern "C" {
#else
#define SUPERMACHINE_NOEXCEPT
#endif

/* What a caller can usefully do about a failure; the rest is in the error's message. */
typedef int32_t supermachine_status;
enum {
  SUPERMACHINE_OK = 0,
  SUPERMACHINE_INVALID_ARGUMENT = 1, /* the request makes no sense; fix the call */
  SUPERMACHINE_NOT_FOUND = 2,        /* the named thing does not exist */
  SUPERMACHINE_UNSUPPORTED = 3,      /* this host, kernel or build cannot do it */
  SUPERMACHINE_EXHAUSTED = 4,        /* a limit was reached; trying later may work */
  SUPERMACHINE_TIMEOUT = 5,          /* the deadline passed */
  SUPERMACHINE_CORRUPT = 6,          /* bytes from disk or wire failed validation */
  SUPERMACHINE_GUEST_FAULT = 7,      /* the guest broke a protocol, or ended */
  SUPERMACHINE_OS = 8                /* a system call failed; see supermachine_error_os_errno() */
};

/* "not found", for logs; "unknown status" for a number that is none. Never freed. */
const char* supermachine_status_name(supermachine_status status) SUPERMACHINE_NOEXCEPT;

typedef struct supermachine_error supermachine_error;

/* An error of the caller's own, for a callback that fails (supermachine_warmup_fn). OK and unknown
 * numbers become SUPERMACHINE_INVALID_ARGUMENT, a NULL message an empty one. Never NULL. */
supermachine_error* supermachine_error_new(supermachine_status code,
                                           const char* message) SUPERMACHINE_NOEXCEPT;
void supermachine_error_free(supermachine_error* error) SUPERMACHINE_NOEXCEPT;

/* The same number as the function returned; SUPERMACHINE_OK for NULL. */
supermachine_status supermachine_error_code(const supermachine_error* error) SUPERMACHINE_NOEXCEPT;
/* errno of the system call that failed; 0 when none did. */
int supermachine_error_os_errno(const supermachine_error* error) SUPERMACHINE_NOEXCEPT;
/* One line for people, outermost first: "restore base.snap: mmap: Cannot allocate memory". */
const char* supermachine_error_message(const supermachine_error* error) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
