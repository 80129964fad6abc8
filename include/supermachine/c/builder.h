/* SPDX-License-Identifier: Apache-2.0 */
/* Bakes: a container image becomes a snapshot, once, from which VMs start in milliseconds. */
#ifndef SUPERMACHINE_C_BUILDER_H
#define SUPERMACHINE_C_BUILDER_H

#include "supermachine/c/config.h"
#include "supermachine/c/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Describes a bake, then makes it or finds it; may build any number of times.
 *
 * The bake is found again by a key made of the image's digest and of every setting that the guest
 * could notice; a setting that is said to be no part of the key is none. A bake made under the same
 * name with another key, or by another version of this library or its kernel, is made again and
 * replaced; VMs that run from it go on.
 *
 * VMs of a bake start the workload, the image's own program, as soon as they run, unless it runs in
 * them already (supermachine_config_set_workload()). */
typedef struct supermachine_builder supermachine_builder;

/* `reference`: as supermachine_image_from_oci() takes it. */
supermachine_status supermachine_builder_new(const char* reference, supermachine_builder** builder,
                                             supermachine_error** error) SUPERMACHINE_NOEXCEPT;
void supermachine_builder_free(supermachine_builder* builder) SUPERMACHINE_NOEXCEPT;

/* Default, and all that this host runs: "linux/amd64". */
supermachine_status supermachine_builder_set_platform(supermachine_builder* builder,
                                                      const char* platform) SUPERMACHINE_NOEXCEPT;
/* A file of this host that the guest has at `guest_path` (absolute), with the permission bits that
 * it has here and owned by root. Its content is part of the key; it is kept in the guest's memory.
 */
supermachine_status supermachine_builder_add_extra_file(
    supermachine_builder* builder, const char* host_path,
    const char* guest_path) SUPERMACHINE_NOEXCEPT;
/* Where the image's bytes come from, in place of a registry: a tar, or a directory, as the OCI
 * image layout has it. The reference stays the name it goes by. Of the two the last one counts. */
supermachine_status supermachine_builder_set_oci_archive(supermachine_builder* builder,
                                                         const char* path) SUPERMACHINE_NOEXCEPT;
supermachine_status supermachine_builder_set_oci_layout(
    supermachine_builder* builder, const char* directory) SUPERMACHINE_NOEXCEPT;
/* The image itself, opened before, in place of all these. */
supermachine_status supermachine_builder_set_image(
    supermachine_builder* builder, const supermachine_image* image) SUPERMACHINE_NOEXCEPT;
/* One more word for the kernel's command line. For tests and experts. */
supermachine_status supermachine_builder_add_kernel_arg(supermachine_builder* builder,
                                                        const char* word) SUPERMACHINE_NOEXCEPT;
/* 1 to 32. Default 1. */
supermachine_status supermachine_builder_set_vcpus(supermachine_builder* builder,
                                                   uint32_t count) SUPERMACHINE_NOEXCEPT;
/* Default 256. */
supermachine_status supermachine_builder_set_memory_mib(supermachine_builder* builder,
                                                        uint32_t mib) SUPERMACHINE_NOEXCEPT;
/* What the bake is called in the store. Default: made from the reference, "nginx_1_27-alpine". No
 * part of the key. */
supermachine_status supermachine_builder_set_name(supermachine_builder* builder,
                                                  const char* name) SUPERMACHINE_NOEXCEPT;
/* Added to the default name: another bake of the same image, beside the first. */
supermachine_status supermachine_builder_set_name_suffix(supermachine_builder* builder,
                                                         const char* suffix) SUPERMACHINE_NOEXCEPT;
/* Default SUPERMACHINE_PULL_MISSING. No part of the key. */
supermachine_status supermachine_builder_set_pull_policy(
    supermachine_builder* builder, supermachine_pull_policy policy) SUPERMACHINE_NOEXCEPT;
/* The TCP port of the workload: supermachine_vm_connect() goes there, and a bake that waits for a
 * listener waits for this one. Default: the lowest that the image exposes, else 80. */
supermachine_status supermachine_builder_set_guest_port(supermachine_builder* builder,
                                                        uint16_t port) SUPERMACHINE_NOEXCEPT;
/* The workload, in place of the image's entrypoint and cmd together. */
supermachine_status supermachine_builder_set_cmd(supermachine_builder* builder,
                                                 const char* const* argv) SUPERMACHINE_NOEXCEPT;
/* Adds to the environment of the workload and of all commands, or replaces part of it. */
supermachine_status supermachine_builder_add_env(supermachine_builder* builder, const char* name,
                                                 const char* value) SUPERMACHINE_NOEXCEPT;
/* The store. Default: $SUPERMACHINE_SNAPSHOTS_DIR, else ~/.local/supermachine-snapshots. No part of
 * the key. */
supermachine_status supermachine_builder_set_snapshots_dir(supermachine_builder* builder,
                                                           const char* dir) SUPERMACHINE_NOEXCEPT;

/* Called by _build(), in its thread, with a VM of the bake; after its workload listens where the
 * image has one that does. What is in the VM when it returns SUPERMACHINE_OK is captured. To fail
 * it returns another status and may set *error to an error of its own (supermachine_error_new(), or
 * what a function gave it), which it gives away: it becomes the error of _build(). `vm` is borrowed
 * for the call. It may not throw. */
typedef supermachine_status (*supermachine_warmup_fn)(supermachine_vm* vm, void* user,
                                                      supermachine_error** error);
/* NULL: none, the default. The function is no part of the key; its tag is. */
supermachine_status supermachine_builder_set_warmup(supermachine_builder* builder,
                                                    supermachine_warmup_fn warmup,
                                                    void* user) SUPERMACHINE_NOEXCEPT;
/* Change it when the warm-up does something else. Default: empty; a warm-up without a tag is made
 * again only when its bake is. */
supermachine_status supermachine_builder_set_warmup_tag(supermachine_builder* builder,
                                                        const char* tag) SUPERMACHINE_NOEXCEPT;
/* Starts the workload and captures when it listens, so that it answers at once in every VM.
 * Default: captures before the workload starts. */
supermachine_status supermachine_builder_require_listener(supermachine_builder* builder)
    SUPERMACHINE_NOEXCEPT;
/* How long the workload may take to listen. Default 7 s. No part of the key. */
supermachine_status supermachine_builder_set_listener_timeout(
    supermachine_builder* builder, int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* How long the guest may take to boot. Default 30 s. No part of the key. */
supermachine_status supermachine_builder_set_boot_timeout(supermachine_builder* builder,
                                                          int64_t timeout) SUPERMACHINE_NOEXCEPT;
/* Default: supermachine_assets_discover(). Their builds are part of the key. */
supermachine_status supermachine_builder_set_assets(
    supermachine_builder* builder, const supermachine_assets* assets) SUPERMACHINE_NOEXCEPT;
/* As supermachine_import_options_set_cache_dir(). No part of the key. */
supermachine_status supermachine_builder_set_cache_dir(supermachine_builder* builder,
                                                       const char* dir) SUPERMACHINE_NOEXCEPT;
/* Told what is being done. NULL: nobody, the default. No part of the key. */
supermachine_status supermachine_builder_set_progress(supermachine_builder* builder,
                                                      supermachine_progress_fn progress,
                                                      void* user) SUPERMACHINE_NOEXCEPT;

/* Finds the bake or makes it. Several that make the same one at once, in this process or others,
 * wait for the first. A bake that is interrupted or fails leaves the store as it was. Errors are
 * those of opening an image, starting a VM and capturing it; TIMEOUT when the workload does not
 * listen in time, GUEST_FAULT when it ends before; INVALID_ARGUMENT for settings that cannot be. */
supermachine_status supermachine_builder_build(const supermachine_builder* builder,
                                               supermachine_image** image,
                                               supermachine_error** error) SUPERMACHINE_NOEXCEPT;
/* A bake of that name that is of the same image, kernel and agent, and as large as was asked for,
 * whatever its other settings. *image is NULL when there is none: nothing is baked, though the
 * image may be pulled. */
supermachine_status supermachine_builder_find(const supermachine_builder* builder,
                                              supermachine_image** image,
                                              supermachine_error** error) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
