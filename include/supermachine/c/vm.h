/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine that runs an image. */
#ifndef SUPERMACHINE_C_VM_H
#define SUPERMACHINE_C_VM_H

#include "supermachine/c/config.h"
#include "supermachine/c/exec.h"
#include "supermachine/c/image.h"
#include "supermachine/c/ports.h"
#include "supermachine/c/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A supermachine_vm comes from supermachine_vm_start(), from a pool, or lent to a warm-up.
 * Commands, files, workload, ports and waiting may be used from many threads at once;
 * _start_workload(), _snapshot() and _snapshot_diff() by one of them at a time; while _stop() or
 * _free() runs, nothing else may. */

/* Boots a VM, or restores it where the image is a snapshot, and returns when its agent answers.
 * `config` may be NULL. INVALID_ARGUMENT for settings that cannot be, UNSUPPORTED when this host
 * cannot run VMs, GUEST_FAULT with the guest's last words when it dies, TIMEOUT when it does not
 * answer in time. Nothing is left behind then. */
supermachine_status supermachine_vm_start(const supermachine_image* image,
                                          const supermachine_config* config, supermachine_vm** vm,
                                          supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Ends the VM; gives one of a pool back, reset; does nothing to one that a warm-up was lent. What
 * runs in it (exec, child) is freed before. */
void supermachine_vm_free(supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;
/* Ends the VM at once: processes in it get no notice. Again is harmless. */
supermachine_status supermachine_vm_stop(supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;

/* How a VM ended on its own, or was stopped. */
typedef int32_t supermachine_exit_kind;
enum {
  SUPERMACHINE_EXIT_STOPPED = 0,
  SUPERMACHINE_EXIT_RESET = 1,
  SUPERMACHINE_EXIT_HALTED = 2,
  SUPERMACHINE_EXIT_PANIC = 3,
  SUPERMACHINE_EXIT_TRIPLE_FAULT = 4,
  SUPERMACHINE_EXIT_FAILED = 5
};
typedef struct supermachine_exit supermachine_exit;
/* *exit is NULL when the VM still runs after `timeout`. */
supermachine_status supermachine_vm_wait(supermachine_vm* vm, int64_t timeout,
                                         supermachine_exit** exit,
                                         supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_exit_free(supermachine_exit* exit) SUPERMACHINE_NOEXCEPT;
supermachine_exit_kind supermachine_exit_get_kind(const supermachine_exit* exit)
    SUPERMACHINE_NOEXCEPT;
/* For people. */
const char* supermachine_exit_message(const supermachine_exit* exit) SUPERMACHINE_NOEXCEPT;

/* Path of the unix socket to the guest's vsock ports; empty without
 * supermachine_config_set_vsock_mux_dir(). */
const char* supermachine_vm_vsock_path(const supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;

/* Where the time of a start went, each from its beginning. */
typedef int32_t supermachine_timing;
enum {
  SUPERMACHINE_TIMING_MEMORY_READY = 0,   /* the kernel, or the snapshot's memory, is in place */
  SUPERMACHINE_TIMING_VM_CREATED = 1,     /* so are devices and vCPUs */
  SUPERMACHINE_TIMING_KERNEL_ENTERED = 2, /* the first instruction */
  SUPERMACHINE_TIMING_AGENT_READY = 3     /* supermachine_vm_start() returns */
};
/* 0 for an unknown one. */
int64_t supermachine_vm_timing(const supermachine_vm* vm,
                               supermachine_timing timing) SUPERMACHINE_NOEXCEPT;
/* From a snapshot, not booted. */
bool supermachine_vm_was_restored(const supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;

/* --- Commands and files ------------------------------------------------------------------------
 */

/* Starts a command with the image's environment, user and working directory. For more, see
 * supermachine_exec_new(). */
supermachine_status supermachine_vm_exec(supermachine_vm* vm, const char* const* argv,
                                         supermachine_child** child,
                                         supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* A file of the guest, by absolute path. The directory must exist (NOT_FOUND); an existing file is
 * overwritten. `mode`: permission bits, as 0644. `bytes` may be NULL when there are none. */
supermachine_status supermachine_vm_write_file(supermachine_vm* vm, const char* path,
                                               const void* bytes, size_t size, uint32_t mode,
                                               supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* EXHAUSTED for more than `max_bytes`. */
supermachine_status supermachine_vm_read_file(supermachine_vm* vm, const char* path,
                                              size_t max_bytes, supermachine_bytes** bytes,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- The workload: the one command that the VM is there for, a server, say ---------------------
 */

/* Starts it: the image's entrypoint and cmd, or `argv`, if it is not NULL, in place of both.
 * NOT_FOUND for a program that is not there, INVALID_ARGUMENT while a workload runs. */
supermachine_status supermachine_vm_start_workload(
    supermachine_vm* vm, const char* const* argv, supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* The same with the settings of `exec`, which is of this VM and has no terminal, input, timeout or
 * chain. */
supermachine_status supermachine_vm_start_workload_with(
    supermachine_vm* vm, const supermachine_exec* exec,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Its output from the beginning, as far as the guest keeps it (the last 256 KiB), then live, then
 * its outcome. Freeing the child leaves it running; any number may follow it at once. NOT_FOUND
 * when none was started. */
supermachine_status supermachine_vm_follow_workload(supermachine_vm* vm, supermachine_child** child,
                                                    supermachine_error** error)
    SUPERMACHINE_NOEXCEPT;
/* Signal `number`, as Linux numbers them, to its process group; SIGKILL to all it started.
 * NOT_FOUND when none runs. */
supermachine_status supermachine_vm_workload_signal(
    supermachine_vm* vm, int number, supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Returns when a process of the guest has written a line to /run/supermachine/ready, by which a
 * workload says that it is ready to be captured. TIMEOUT. */
supermachine_status supermachine_vm_wait_ready(supermachine_vm* vm, int64_t timeout,
                                               supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Ports -------------------------------------------------------------------------------------
 */

/* Who takes TCP connections in the guest now, the workload's processes first. */
supermachine_status supermachine_vm_listeners(supermachine_vm* vm,
                                              supermachine_listener_list** list,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Returns when somebody does: on `port`, or on any for 0. TIMEOUT; GUEST_FAULT with its status and
 * last line when the workload ends before. */
supermachine_status supermachine_vm_wait_listener(supermachine_vm* vm, uint16_t port,
                                                  int64_t timeout, supermachine_listener** listener,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Connects to `port` of the guest's loopback; for 0 to the workload's port: the one the image was
 * baked with, else that of the first listener. *fd is a connected socket that blocks, for the
 * caller to close(2). NOT_FOUND when nobody listens there. */
supermachine_status supermachine_vm_connect(supermachine_vm* vm, uint16_t port, int64_t timeout,
                                            int* fd,
                                            supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Lets programs of the host connect to `guest_port` of the guest's loopback: on `host_port`, or a
 * free one for 0, of `address`, an IP address of this host in figures; NULL is 127.0.0.1.
 * INVALID_ARGUMENT when the port is taken. Nobody needs to listen in the guest yet. */
supermachine_status supermachine_vm_expose_tcp(supermachine_vm* vm, const char* address,
                                               uint16_t host_port, uint16_t guest_port,
                                               supermachine_forward** forward,
                                               supermachine_error** error) SUPERMACHINE_NOEXCEPT;

/* --- Snapshots ---------------------------------------------------------------------------------
 */

/* Captures the VM, which runs on, as an image that others start from. `directory` is made; a
 * snapshot that is there is replaced. Commands that run go on here, and are ended in the copies;
 * everything else in the guest is as it was, the workload too. `options` may be NULL. GUEST_FAULT
 * when the VM has ended, TIMEOUT, and errors of the file system; then `directory` is as it was. */
supermachine_status supermachine_vm_snapshot(supermachine_vm* vm, const char* directory,
                                             const supermachine_snapshot_options* options,
                                             supermachine_image** image,
                                             supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* The same, but only what differs from `base`, a snapshot of as much memory, which it needs from
 * then on. Small when this VM was started from `base`. */
supermachine_status supermachine_vm_snapshot_diff(supermachine_vm* vm, const char* directory,
                                                  const supermachine_image* base,
                                                  const supermachine_snapshot_options* options,
                                                  supermachine_image** image,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* Of the last one that succeeded: for how long the VM stood still, and how long all took. */
int64_t supermachine_vm_snapshot_pause(const supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;
int64_t supermachine_vm_snapshot_total(const supermachine_vm* vm) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
