/* SPDX-License-Identifier: Apache-2.0 */
/* What all the others use: time, lists of strings, bytes. */
#ifndef SUPERMACHINE_C_VALUES_H
#define SUPERMACHINE_C_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "supermachine/c/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, "0.1.0". Never freed. */
const char* supermachine_version(void) SUPERMACHINE_NOEXCEPT;

/* Times are nanoseconds in an int64_t. Where a function waits, 0 looks once and does not wait, and
 * this one waits without an end; other negative numbers are SUPERMACHINE_INVALID_ARGUMENT. What is
 * rounded is rounded up, to milliseconds. */
#define SUPERMACHINE_FOREVER INT64_C(-1)
#define SUPERMACHINE_MILLISECOND INT64_C(1000000)
#define SUPERMACHINE_SECOND INT64_C(1000000000)

/* Strings that belong to another handle. */
typedef struct supermachine_string_list supermachine_string_list;
size_t supermachine_string_list_count(const supermachine_string_list* list) SUPERMACHINE_NOEXCEPT;
/* NULL from `index` = count on. */
const char* supermachine_string_list_at(const supermachine_string_list* list,
                                        size_t index) SUPERMACHINE_NOEXCEPT;

/* Virtual machines, see supermachine/c/vm.h and supermachine/c/remote_vm.h. */
typedef struct supermachine_vm supermachine_vm;
typedef struct supermachine_remote_vm supermachine_remote_vm;

/* Bytes that a call has read. */
typedef struct supermachine_bytes supermachine_bytes;
void supermachine_bytes_free(supermachine_bytes* bytes) SUPERMACHINE_NOEXCEPT;
/* Not NULL when there are none; one NUL that is not counted comes after them. */
const void* supermachine_bytes_data(const supermachine_bytes* bytes) SUPERMACHINE_NOEXCEPT;
size_t supermachine_bytes_size(const supermachine_bytes* bytes) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
