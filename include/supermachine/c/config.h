/* SPDX-License-Identifier: Apache-2.0 */
/* Can this host run VMs; the kernel and agent that they need; how a VM is to be. */
#ifndef SUPERMACHINE_C_CONFIG_H
#define SUPERMACHINE_C_CONFIG_H

#include <stdbool.h>

#include "supermachine/c/values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- The host ------------------------------------------------------------------------------- */

typedef struct supermachine_host_report supermachine_host_report;
/* Runs a guest of a few instructions on /dev/kvm, because the existence of that file does not tell.
 * Takes milliseconds; two seconds at most. Never NULL. */
supermachine_host_report* supermachine_host_check(void) SUPERMACHINE_NOEXCEPT;
void supermachine_host_report_free(supermachine_host_report* report) SUPERMACHINE_NOEXCEPT;
/* Whether this host runs VMs: there are no problems. */
bool supermachine_host_report_usable(const supermachine_host_report* report) SUPERMACHINE_NOEXCEPT;
/* Each for people, with what to do where that is known. */
const supermachine_string_list* supermachine_host_report_problems(
    const supermachine_host_report* report) SUPERMACHINE_NOEXCEPT;
/* How long the check took. */
int64_t supermachine_host_report_duration(const supermachine_host_report* report)
    SUPERMACHINE_NOEXCEPT;

/* --- Assets: the guest's kernel and agent ------------------------------------------------------
 */

typedef struct supermachine_assets supermachine_assets;
/* Two files, which are not looked at yet: a Linux vmlinux (boots faster) or bzImage that was built
 * with supermachine's options, and the agent, of the library's own version. An empty path stands
 * for the bytes inside the library. */
supermachine_status supermachine_assets_new(const char* kernel, const char* agent,
                                            supermachine_assets** assets,
                                            supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* The files `kernel` and `supermachine-agent` in `dir`. NOT_FOUND names what is missing,
 * INVALID_ARGUMENT an agent of another version. */
supermachine_status supermachine_assets_from_dir(const char* dir, supermachine_assets** assets,
                                                 supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* What is inside the library. NOT_FOUND when it was built without. */
supermachine_status supermachine_assets_bundled(supermachine_assets** assets,
                                                supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* What is usable of the first of these places: $SUPERMACHINE_ASSETS_DIR (alone, when set), the
 * directory of the running program, ~/.local/share/supermachine, inside the library. This is the
 * default everywhere. */
supermachine_status supermachine_assets_discover(supermachine_assets** assets,
                                                 supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_assets_free(supermachine_assets* assets) SUPERMACHINE_NOEXCEPT;
/* The path; empty for what is inside the library. */
const char* supermachine_assets_kernel(const supermachine_assets* assets) SUPERMACHINE_NOEXCEPT;
const char* supermachine_assets_agent(const supermachine_assets* assets) SUPERMACHINE_NOEXCEPT;

/* --- The settings of a VM ----------------------------------------------------------------------
 */

/* May be used for any number of starts. Values are checked by those, or by _check(). */
typedef struct supermachine_config supermachine_config;
supermachine_config* supermachine_config_new(void) SUPERMACHINE_NOEXCEPT; /* never NULL */
void supermachine_config_free(supermachine_config* config) SUPERMACHINE_NOEXCEPT;

/* MiB of guest memory. Default 256, or what the snapshot was captured with, which cannot be changed
 * any more. Memory costs the host nothing before the guest touches it. */
supermachine_status supermachine_config_set_memory_mib(supermachine_config* config,
                                                       uint32_t mib) SUPERMACHINE_NOEXCEPT;
/* Processors, 1 to 32. Default 1, or what the snapshot was captured with, as above. */
supermachine_status supermachine_config_set_vcpus(supermachine_config* config,
                                                  uint32_t count) SUPERMACHINE_NOEXCEPT;
/* Default: supermachine_assets_discover(). */
supermachine_status supermachine_config_set_assets(
    supermachine_config* config, const supermachine_assets* assets) SUPERMACHINE_NOEXCEPT;
/* Where to put a unix socket through which other processes reach the guest
 * (supermachine/c/remote_vm.h). Default: no such socket. */
supermachine_status supermachine_config_set_vsock_mux_dir(supermachine_config* config,
                                                          const char* dir) SUPERMACHINE_NOEXCEPT;
/* How long the guest may take to boot until its agent answers. Default 30 s. */
supermachine_status supermachine_config_set_boot_timeout(supermachine_config* config,
                                                         int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* The same for a VM that is restored from a snapshot. Default 10 s. */
supermachine_status supermachine_config_set_restore_timeout(supermachine_config* config,
                                                            int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* Up to 64 letters, digits, dots and hyphens. Default "supermachine", or what the snapshot has. */
supermachine_status supermachine_config_set_hostname(supermachine_config* config,
                                                     const char* name) SUPERMACHINE_NOEXCEPT;
/* What /etc/machine-id of a restored VM says: 32 lower-case hex digits. Default: what it said. */
supermachine_status supermachine_config_set_machine_id(supermachine_config* config,
                                                       const char* id) SUPERMACHINE_NOEXCEPT;
/* For the workload of a restored VM, at most 48 KiB: they are in /run/supermachine/payload when its
 * hook runs. `bytes` may be NULL for none, the default. */
supermachine_status supermachine_config_set_payload(supermachine_config* config, const void* bytes,
                                                    size_t size) SUPERMACHINE_NOEXCEPT;
/* Whether a VM starts the workload, the image's entrypoint and cmd, as soon as it runs. Default: in
 * VMs of a bake that was captured before its workload started. */
supermachine_status supermachine_config_set_workload(supermachine_config* config,
                                                     bool on) SUPERMACHINE_NOEXCEPT;
/* A file descriptor, borrowed for the life of the VM, that gets what the guest prints on its serial
 * console. What it does not take at once is dropped. -1, the default: none. */
supermachine_status supermachine_config_set_console_fd(supermachine_config* config,
                                                       int fd) SUPERMACHINE_NOEXCEPT;
/* INVALID_ARGUMENT for what a start would refuse on this host, whatever the image. Costs nothing.
 */
supermachine_status supermachine_config_check(const supermachine_config* config,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
