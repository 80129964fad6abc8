/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supermachine for C and for every language that calls C: run a container image as a virtual
 * machine. C99; docs/guide/c-api.md has whole programs. Rules that hold for every function:
 *
 * Errors. A function that can fail returns a supermachine_status. Its last parameter, `error`, may
 * be NULL; otherwise *error becomes NULL on success and a new error on failure, for
 * supermachine_error_free(). What was in *error before is not looked at. Results come through a
 * pointer that must not be NULL, and become NULL (or 0, or -1 for a descriptor) on failure. A
 * setter, whose only mistakes are a NULL and a value out of range, returns its status alone.
 *
 * NULL. Where nothing else is said, NULL for an argument is SUPERMACHINE_INVALID_ARGUMENT; a
 * getter gives NULL, 0, false or an empty string for a NULL handle; every _free() does nothing.
 *
 * Ownership. A `T*` that a function gives is the caller's, for supermachine_T_free(). A `const T*`
 * or `const char*` is borrowed from the handle that it was asked of, and lives as long, and
 * unchanged, as that does. Strings and bytes that are passed in are copied; so are handles that are
 * passed to setters. No handle is freed by a function that is not called _free(). Of two handles
 * one may be freed before the other in any order, but what runs in a VM goes before the VM: exec,
 * child.
 *
 * Threads. Different handles are independent. An image, assets, pool and remote_vm may be used
 * from many threads at once, and freed when no call uses them; of a VM see supermachine/c/vm.h; any
 * other handle is for one thread at a time, not always the same. No function depends on the thread
 * that it is called from, and none calls back but through the functions that it was given.
 *
 * Text is UTF-8, or whatever bytes the system has, with a NUL at its end; a list of arguments ends
 * with a NULL. Bytes have a length and may hold NULs. Time is in nanoseconds, always.
 *
 * Growth. Handles are opaque and functions are only added, so a program goes on working with later
 * libraries of the same soname. Constants have fixed values; be ready for new ones.
 *
 * Nothing is thrown through these functions. When there is no memory left, the process ends with
 * abort(): sizes that others choose are bounded, so it is not in a guest's power.
 */
#ifndef SUPERMACHINE_SUPERMACHINE_H
#define SUPERMACHINE_SUPERMACHINE_H

#include "supermachine/c/builder.h"
#include "supermachine/c/config.h"
#include "supermachine/c/error.h"
#include "supermachine/c/exec.h"
#include "supermachine/c/image.h"
#include "supermachine/c/pool.h"
#include "supermachine/c/ports.h"
#include "supermachine/c/progress.h"
#include "supermachine/c/remote_vm.h"
#include "supermachine/c/snapshot.h"
#include "supermachine/c/store.h"
#include "supermachine/c/values.h"
#include "supermachine/c/vm.h"

#endif
