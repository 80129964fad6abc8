/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that are written in C99, as the API's users would; capi_test.cc runs them. */
#ifndef SUPERMACHINE_CAPI_C_TESTS_H
#define SUPERMACHINE_CAPI_C_TESTS_H

#include "c_check.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every function of a header with NULL for every pointer. */
void capi_refuses_error(void);
void capi_refuses_values(void);
void capi_refuses_config(void);
void capi_refuses_progress(void);
void capi_refuses_image(void);
void capi_refuses_builder(void);
void capi_refuses_exec(void);
void capi_refuses_vm(void);
void capi_refuses_ports(void);
void capi_refuses_snapshot(void);
void capi_refuses_pool(void);
void capi_refuses_remote_vm(void);
void capi_refuses_store(void);

void capi_error_has_code_and_message(void);
void capi_error_is_optional_and_reset(void);
void capi_error_of_a_system_call_has_its_number(void);
void capi_error_of_the_caller_says_what_it_was_given(void);
void capi_status_has_a_name(void);
void capi_result_has_a_place_and_is_cleared(void);
void capi_times_are_checked(void);
void capi_numbers_that_are_none_are_refused(void);
void capi_config_is_checked(void);
void capi_bytes_without_a_place_are_refused(void);
void capi_assets_are_found_or_named(const char* empty_directory);
void capi_image_says_what_is_wrong(void);
void capi_snapshot_says_what_is_wrong(const char* empty_directory);
void capi_store_of_nothing_is_empty(const char* empty_directory);
void capi_remote_vm_that_is_not_there_fails(const char* empty_directory);
void capi_host_check_gives_a_report(void);

#ifdef __cplusplus
}
#endif
#endif
