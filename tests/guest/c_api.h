/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of real guests that are written in C99, on the C API alone; c_api_test.cc runs them.
 * `busybox` is how supermachine_image_from_oci() takes that image, `directory` an empty one. */
#ifndef SUPERMACHINE_TESTS_GUEST_C_API_H
#define SUPERMACHINE_TESTS_GUEST_C_API_H

#ifdef __cplusplus
extern "C" {
#endif

void c_api_runs_commands(const char* busybox);
void c_api_streams_a_command(const char* busybox);
void c_api_says_how_a_vm_ended(const char* busybox);
void c_api_has_ports_and_a_workload(const char* busybox);
void c_api_snapshots_and_restores(const char* busybox, const char* directory);
void c_api_pools(const char* busybox);
void c_api_bakes(const char* busybox, const char* directory);
void c_api_fails_with_the_warm_up(const char* busybox, const char* directory);
void c_api_reaches_a_vm_by_its_socket(const char* busybox, const char* directory);

#ifdef __cplusplus
}
#endif
#endif
