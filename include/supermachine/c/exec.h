/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in a VM: how they are to run, while they run, how they ended. */
#ifndef SUPERMACHINE_C_EXEC_H
#define SUPERMACHINE_C_EXEC_H

#include <stdbool.h>

#include "supermachine/c/values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- How a command ended -----------------------------------------------------------------------
 */

typedef struct supermachine_outcome supermachine_outcome;
void supermachine_outcome_free(supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;
/* Its exit status; 128 + n when signal n ended it; 126 or 127 when it could not be run or found.
 * -1 for NULL. */
int supermachine_outcome_status(const supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;
/* Status 0, in time. */
bool supermachine_outcome_success(const supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;
/* What it wrote, where that was collected. `size` may be NULL; a NUL that is not counted comes
 * after the bytes. */
const void* supermachine_outcome_stdout(const supermachine_outcome* outcome,
                                        size_t* size) SUPERMACHINE_NOEXCEPT;
const void* supermachine_outcome_stderr(const supermachine_outcome* outcome,
                                        size_t* size) SUPERMACHINE_NOEXCEPT;
/* From the first start to the last exit, in the guest. */
int64_t supermachine_outcome_duration(const supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;
/* It was ended because its timeout passed. */
bool supermachine_outcome_timed_out(const supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;
/* The most memory one of its processes had. */
uint64_t supermachine_outcome_peak_rss_kib(const supermachine_outcome* outcome)
    SUPERMACHINE_NOEXCEPT;
/* Which command ran last: 0 is the first, n the n-th that supermachine_exec_chain() added. */
size_t supermachine_outcome_step(const supermachine_outcome* outcome) SUPERMACHINE_NOEXCEPT;

/* --- A command that runs -----------------------------------------------------------------------
 */

/* For one thread at a time. Freeing it before the outcome kills the command. */
typedef struct supermachine_child supermachine_child;
void supermachine_child_free(supermachine_child* child) SUPERMACHINE_NOEXCEPT;

/* What it does next. The outcome comes last; its stdout and stderr are empty. */
typedef int32_t supermachine_event_kind;
enum {
  SUPERMACHINE_EVENT_STDOUT = 1,
  SUPERMACHINE_EVENT_STDERR = 2,
  SUPERMACHINE_EVENT_OUTCOME = 3
};
typedef struct supermachine_event supermachine_event;
void supermachine_event_free(supermachine_event* event) SUPERMACHINE_NOEXCEPT;
/* 0 for NULL. */
supermachine_event_kind supermachine_event_get_kind(const supermachine_event* event)
    SUPERMACHINE_NOEXCEPT;
/* Of output; NULL of an outcome. `size` may be NULL. */
const void* supermachine_event_data(const supermachine_event* event,
                                    size_t* size) SUPERMACHINE_NOEXCEPT;
/* NULL of output. */
const supermachine_outcome* supermachine_event_outcome(const supermachine_event* event)
    SUPERMACHINE_NOEXCEPT;

/* TIMEOUT when there is none in time (the command goes on); GUEST_FAULT when the VM ended before
 * the command did. */
supermachine_status supermachine_child_next(supermachine_child* child, int64_t timeout,
                                            supermachine_event** event,
                                            supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* The same without waiting; *event is NULL when there is none now. */
supermachine_status supermachine_child_try_next(supermachine_child* child,
                                                supermachine_event** event,
                                                supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Reads to the end and collects. What exceeds 1 GiB is EXHAUSTED. */
supermachine_status supermachine_child_wait(supermachine_child* child, int64_t timeout,
                                            supermachine_outcome** outcome,
                                            supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Returns when the command's standard input has taken all. Output that comes meanwhile is kept for
 * _next(), up to 8 MiB; beyond that it fails with EXHAUSTED. */
supermachine_status supermachine_child_write_stdin(
    supermachine_child* child, const void* bytes, size_t size, int64_t timeout,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* *taken: how many bytes were taken without waiting, perhaps none. */
supermachine_status supermachine_child_try_write_stdin(
    supermachine_child* child, const void* bytes, size_t size, size_t* taken,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_child_close_stdin(supermachine_child* child) SUPERMACHINE_NOEXCEPT;
/* Signal `number`, as Linux numbers them, to the command and what it started. */
supermachine_status supermachine_child_signal(supermachine_child* child, int number,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* A new size of the terminal. */
supermachine_status supermachine_child_resize(supermachine_child* child, uint16_t rows,
                                              uint16_t cols,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Of a workload: bytes of its output before those that _next() gave last which the guest did not
 * keep until they could be read. */
uint64_t supermachine_child_skipped_bytes(const supermachine_child* child) SUPERMACHINE_NOEXCEPT;
/* For callers with a poll(2) of their own: wait until it is readable, or writable while
 * _wants_write(), then call _try_next() until it gives nothing. Borrowed; -1 for NULL. */
int supermachine_child_fd(const supermachine_child* child) SUPERMACHINE_NOEXCEPT;
bool supermachine_child_wants_write(const supermachine_child* child) SUPERMACHINE_NOEXCEPT;

/* --- How a command is to run -------------------------------------------------------------------
 */

/* A description: may run any number of times. The VM must outlive it and what it starts. */
typedef struct supermachine_exec supermachine_exec;
/* The program, looked up in the command's PATH, and its arguments. */
supermachine_status supermachine_exec_new(supermachine_vm* vm, const char* const* argv,
                                          supermachine_exec** exec,
                                          supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_exec_new_remote(supermachine_remote_vm* vm,
                                                 const char* const* argv, supermachine_exec** exec,
                                                 supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_exec_free(supermachine_exec* exec) SUPERMACHINE_NOEXCEPT;

/* Adds to the image's environment or replaces part of it. */
supermachine_status supermachine_exec_add_env(supermachine_exec* exec, const char* name,
                                              const char* value) SUPERMACHINE_NOEXCEPT;
/* Default: the image's working directory, which is made if it is missing. */
supermachine_status supermachine_exec_set_cwd(supermachine_exec* exec,
                                              const char* dir) SUPERMACHINE_NOEXCEPT;
/* "name", "uid", "name:group" or "uid:gid", by the image's own passwd. Default: the image's user.
 */
supermachine_status supermachine_exec_set_user(supermachine_exec* exec,
                                               const char* user) SUPERMACHINE_NOEXCEPT;
/* A terminal for standard input, output and error; all output is then of kind STDOUT. */
supermachine_status supermachine_exec_set_tty(supermachine_exec* exec,
                                              bool on) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_exec_set_winsize(supermachine_exec* exec, uint16_t rows,
                                                  uint16_t cols) SUPERMACHINE_NOEXCEPT;
/* Lets a spawned command have its standard input written. Default: it is empty. */
supermachine_status supermachine_exec_set_stdin(supermachine_exec* exec,
                                                bool on) SUPERMACHINE_NOEXCEPT;
/* What _output() gives the command to read. `bytes` may be NULL when there are none. */
supermachine_status supermachine_exec_set_input(supermachine_exec* exec, const void* bytes,
                                                size_t size) SUPERMACHINE_NOEXCEPT;
/* Of all steps together; the guest then ends them and the outcome says so. Default: none. */
supermachine_status supermachine_exec_set_timeout(supermachine_exec* exec,
                                                  int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* Writes a small file before the command starts, in the same round trip. `mode`: permission bits,
 * as 0644. */
supermachine_status supermachine_exec_stage_file(supermachine_exec* exec, const char* path,
                                                 const void* bytes, size_t size,
                                                 uint32_t mode) SUPERMACHINE_NOEXCEPT;
/* One more command, run if all before it succeeded, with the same settings; same round trip. */
supermachine_status supermachine_exec_chain(supermachine_exec* exec,
                                            const char* const* argv) SUPERMACHINE_NOEXCEPT;

/* Runs the command to its end. GUEST_FAULT when the VM ended first. Without a timeout it waits for
 * as long as the command takes. */
supermachine_status supermachine_exec_output(supermachine_exec* exec,
                                             supermachine_outcome** outcome,
                                             supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Returns when the command runs or turned out not to be runnable. */
supermachine_status supermachine_exec_spawn(supermachine_exec* exec, supermachine_child** child,
                                            supermachine_error** error) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
