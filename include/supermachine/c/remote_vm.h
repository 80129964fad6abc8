/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine that another process runs. */
#ifndef SUPERMACHINE_C_REMOTE_VM_H
#define SUPERMACHINE_C_REMOTE_VM_H

#include "supermachine/c/exec.h"
#include "supermachine/c/image.h"
#include "supermachine/c/ports.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A supermachine_remote_vm reaches the guest of a VM that was started with
 * supermachine_config_set_vsock_mux_dir(), from any process of the same user. Owns nothing: the VM
 * goes on when this is freed, and calls fail with NOT_FOUND or GUEST_FAULT when the VM has ended.
 * Safe to use from many threads at once. Commands: supermachine_exec_new_remote(). */

/* `vsock_path` is that VM's supermachine_vm_vsock_path(), `image` what its commands get where
 * nothing else is said: usually its image's; NULL: nothing. Does not connect yet. */
supermachine_status supermachine_remote_vm_attach(const char* vsock_path,
                                                  const supermachine_image_config* image,
                                                  supermachine_remote_vm** vm,
                                                  supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_remote_vm_free(supermachine_remote_vm* vm) SUPERMACHINE_NOEXCEPT;

/* All as of supermachine_vm. A command that was started here is killed when its child is freed,
 * also by the end of this process. */
supermachine_status supermachine_remote_vm_exec(supermachine_remote_vm* vm, const char* const* argv,
                                                supermachine_child** child,
                                                supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_remote_vm_write_file(
    supermachine_remote_vm* vm, const char* path, const void* bytes, size_t size, uint32_t mode,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_remote_vm_read_file(
    supermachine_remote_vm* vm, const char* path, size_t max_bytes, supermachine_bytes** bytes,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_remote_vm_follow_workload(
    supermachine_remote_vm* vm, supermachine_child** child,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_remote_vm_workload_signal(
    supermachine_remote_vm* vm, int number, supermachine_error** error) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_remote_vm_listeners(
    supermachine_remote_vm* vm, supermachine_listener_list** list,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* `port` may not be 0. */
supermachine_status supermachine_remote_vm_connect(
    supermachine_remote_vm* vm, uint16_t port, int64_t timeout, int* fd,
    supermachine_error** error) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
