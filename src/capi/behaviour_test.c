/* SPDX-License-Identifier: Apache-2.0 */
/* What the C API says without a guest: errors and what is in them, values that cannot be. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "capi/c_tests.h"
#include "supermachine/supermachine.h"

#define ACCEPTS(call) CHECK((call) == SUPERMACHINE_OK)
#define REFUSES(call) CHECK((call) == SUPERMACHINE_INVALID_ARGUMENT)

/* Whether *error has this code and says `words`; it is freed. */
static int says(supermachine_error** error, supermachine_status code, const char* words) {
  const int yes = *error != NULL && supermachine_error_code(*error) == code &&
                  strstr(supermachine_error_message(*error), words) != NULL;
  if (!yes) fprintf(stderr, "it says: %s\n", supermachine_error_message(*error));
  supermachine_error_free(*error);
  *error = NULL;
  return yes;
}

/* Something that an output argument must not keep. */
static char other_object;
#define OTHER ((void*)&other_object)

void capi_error_has_code_and_message(void) {
  supermachine_error* error = NULL;
  supermachine_image* image = NULL;
  CHECK(supermachine_image_from_snapshot("/nowhere", &image, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(supermachine_error_os_errno(error) == 0 || supermachine_error_os_errno(error) == ENOENT);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, "/nowhere"));

  REFUSES(supermachine_image_from_snapshot(NULL, &image, &error));
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, "path is NULL"));
  REFUSES(supermachine_image_from_snapshot("/nowhere", NULL, &error));
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, "the place for the result is NULL"));
}

void capi_error_is_optional_and_reset(void) {
  supermachine_error* error = OTHER;
  supermachine_config* const config = supermachine_config_new();
  CHECK(supermachine_image_from_snapshot("/nowhere", NULL, NULL) != SUPERMACHINE_OK);
  ACCEPTS(supermachine_config_check(config, &error));
  CHECK(error == NULL);
  supermachine_config_free(config);
}

void capi_error_of_a_system_call_has_its_number(void) {
  supermachine_error* error = NULL;
  supermachine_places* const places = supermachine_places_new();
  supermachine_bake_list* list = NULL;
  ACCEPTS(supermachine_places_set_snapshots_dir(places, "/dev/null"));
  CHECK(supermachine_store_list_bakes(places, &list, &error) == SUPERMACHINE_OS);
  CHECK(list == NULL);
  CHECK(supermachine_error_os_errno(error) == ENOTDIR);
  CHECK(says(&error, SUPERMACHINE_OS, "/dev/null"));
  supermachine_places_free(places);
}

void capi_error_of_the_caller_says_what_it_was_given(void) {
  supermachine_error* error = supermachine_error_new(SUPERMACHINE_TIMEOUT, "no answer");
  CHECK(supermachine_error_os_errno(error) == 0);
  CHECK(says(&error, SUPERMACHINE_TIMEOUT, "no answer"));
  error = supermachine_error_new(4711, "odd");
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, "odd"));
}

void capi_status_has_a_name(void) {
  supermachine_status status;
  for (status = SUPERMACHINE_OK; status <= SUPERMACHINE_OS; ++status)
    CHECK(strcmp(supermachine_status_name(status), "unknown status") != 0);
  CHECK(strcmp(supermachine_status_name(SUPERMACHINE_OS + 1), "unknown status") == 0);
  CHECK(strcmp(supermachine_status_name(-1), "unknown status") == 0);
  CHECK(strcmp(supermachine_stage_name(SUPERMACHINE_STAGE_CAPTURE), "capture") == 0);
  CHECK(strcmp(supermachine_stage_name(-1), "unknown") == 0);
}

void capi_result_has_a_place_and_is_cleared(void) {
  supermachine_image* image = OTHER;
  supermachine_vm* vm = OTHER;
  supermachine_bytes* bytes = OTHER;
  size_t size = 7;
  int fd = 7;
  CHECK(supermachine_image_from_snapshot("/nowhere", &image, NULL) == SUPERMACHINE_NOT_FOUND);
  CHECK(image == NULL);
  REFUSES(supermachine_vm_start(NULL, NULL, &vm, NULL));
  CHECK(vm == NULL);
  REFUSES(supermachine_vm_read_file(NULL, "/", 1, &bytes, NULL));
  CHECK(bytes == NULL);
  REFUSES(supermachine_vm_connect(NULL, 80, 0, &fd, NULL));
  CHECK(fd == -1);
  REFUSES(supermachine_child_try_write_stdin(NULL, "a", 1, &size, NULL));
  CHECK(size == 0);
  size = 7;
  CHECK(supermachine_outcome_stdout(NULL, &size) == NULL && size == 0);
  size = 7;
  CHECK(supermachine_event_data(NULL, &size) == NULL && size == 0);
}

void capi_times_are_checked(void) {
  supermachine_config* const config = supermachine_config_new();
  supermachine_snapshot_options* const snapshot = supermachine_snapshot_options_new();
  ACCEPTS(supermachine_config_set_boot_timeout(config, 0));
  ACCEPTS(supermachine_config_set_boot_timeout(config, 1));
  ACCEPTS(supermachine_config_set_boot_timeout(config, 90 * SUPERMACHINE_SECOND));
  ACCEPTS(supermachine_config_set_boot_timeout(config, SUPERMACHINE_FOREVER));
  ACCEPTS(supermachine_config_set_boot_timeout(config, INT64_MAX));
  REFUSES(supermachine_config_set_boot_timeout(config, -2));
  REFUSES(supermachine_config_set_restore_timeout(config, INT64_MIN));
  REFUSES(supermachine_snapshot_options_set_timeout(snapshot, -2));
  ACCEPTS(supermachine_snapshot_options_set_timeout(snapshot, SUPERMACHINE_MILLISECOND));
  supermachine_snapshot_options_free(snapshot);
  supermachine_config_free(config);
}

void capi_numbers_that_are_none_are_refused(void) {
  supermachine_import_options* const options = supermachine_import_options_new();
  supermachine_builder* builder = NULL;
  ACCEPTS(supermachine_builder_new("busybox", &builder, NULL));
  ACCEPTS(supermachine_import_options_set_pull_policy(options, SUPERMACHINE_PULL_NEVER));
  REFUSES(supermachine_import_options_set_pull_policy(options, 3));
  REFUSES(supermachine_import_options_set_pull_policy(options, -1));
  ACCEPTS(supermachine_builder_set_pull_policy(builder, SUPERMACHINE_PULL_ALWAYS));
  REFUSES(supermachine_builder_set_pull_policy(builder, 3));
  supermachine_builder_free(builder);
  supermachine_import_options_free(options);
}

void capi_config_is_checked(void) {
  supermachine_error* error = NULL;
  supermachine_config* const config = supermachine_config_new();
  ACCEPTS(supermachine_config_set_memory_mib(config, 128));
  ACCEPTS(supermachine_config_set_vcpus(config, 1));
  ACCEPTS(supermachine_config_set_hostname(config, "worker-1"));
  ACCEPTS(supermachine_config_set_machine_id(config, "0123456789abcdef0123456789abcdef"));
  ACCEPTS(supermachine_config_set_payload(config, "a\0b", 3));
  ACCEPTS(supermachine_config_set_payload(config, NULL, 0));
  ACCEPTS(supermachine_config_set_workload(config, true));
  ACCEPTS(supermachine_config_set_console_fd(config, -1));
  ACCEPTS(supermachine_config_check(config, &error));
  ACCEPTS(supermachine_config_set_hostname(config, "no spaces"));
  REFUSES(supermachine_config_check(config, &error));
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, "no spaces"));
  ACCEPTS(supermachine_config_set_hostname(config, "worker-1"));
  ACCEPTS(supermachine_config_set_vcpus(config, 99));
  REFUSES(supermachine_config_check(config, &error));
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, "99"));
  supermachine_config_free(config);
}

void capi_bytes_without_a_place_are_refused(void) {
  supermachine_config* const config = supermachine_config_new();
  REFUSES(supermachine_config_set_payload(config, NULL, 1));
  supermachine_config_free(config);
}

void capi_assets_are_found_or_named(const char* empty_directory) {
  supermachine_error* error = NULL;
  supermachine_assets* assets = NULL;
  supermachine_config* const config = supermachine_config_new();
  CHECK(supermachine_assets_from_dir(empty_directory, &assets, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, empty_directory));
  ACCEPTS(supermachine_assets_new("/boot/vmlinux", "/boot/agent", &assets, &error));
  CHECK(strcmp(supermachine_assets_kernel(assets), "/boot/vmlinux") == 0);
  CHECK(strcmp(supermachine_assets_agent(assets), "/boot/agent") == 0);
  ACCEPTS(supermachine_config_set_assets(config, assets));
  supermachine_assets_free(assets); /* the config has a copy */
  supermachine_config_free(config);
}

void capi_image_says_what_is_wrong(void) {
  supermachine_error* error = NULL;
  supermachine_image* image = NULL;
  REFUSES(supermachine_image_from_oci("", NULL, &image, &error));
  CHECK(says(&error, SUPERMACHINE_INVALID_ARGUMENT, ""));
  CHECK(supermachine_image_from_oci("oci-archive:/nowhere.tar", NULL, &image, &error) ==
        SUPERMACHINE_NOT_FOUND);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, "/nowhere.tar"));
  CHECK(image == NULL);
}

void capi_snapshot_says_what_is_wrong(const char* empty_directory) {
  supermachine_error* error = NULL;
  supermachine_snapshot_info* info = NULL;
  CHECK(supermachine_snapshot_inspect(empty_directory, &info, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(info == NULL);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, empty_directory));
  CHECK(supermachine_snapshot_verify(empty_directory, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, empty_directory));
}

void capi_store_of_nothing_is_empty(const char* empty_directory) {
  supermachine_error* error = NULL;
  supermachine_bake_list* bakes = NULL;
  supermachine_pulled_image_list* pulled = NULL;
  supermachine_bake* bake = OTHER;
  supermachine_prune_options* const options = supermachine_prune_options_new();
  supermachine_prune_report* report = NULL;
  supermachine_places* const places = supermachine_places_new();
  ACCEPTS(supermachine_places_set_snapshots_dir(places, empty_directory));
  ACCEPTS(supermachine_places_set_cache_dir(places, empty_directory));

  ACCEPTS(supermachine_store_list_bakes(places, &bakes, &error));
  CHECK(bakes != NULL && supermachine_bake_list_count(bakes) == 0);
  CHECK(supermachine_bake_list_at(bakes, 0) == NULL);
  supermachine_bake_list_free(bakes);
  ACCEPTS(supermachine_store_find_bake("none", places, &bake, &error));
  CHECK(bake == NULL);
  ACCEPTS(supermachine_store_list_pulled(places, &pulled, &error));
  CHECK(pulled != NULL && supermachine_pulled_image_list_count(pulled) == 0);
  CHECK(supermachine_pulled_image_list_at(pulled, 0) == NULL);
  supermachine_pulled_image_list_free(pulled);

  ACCEPTS(supermachine_store_mark_bake_used("none", places));
  CHECK(supermachine_store_remove_bake("none", places, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, "none"));
  CHECK(supermachine_store_remove_pulled("busybox", places, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, "busybox"));

  ACCEPTS(supermachine_prune_options_set_unused_bakes(options, SUPERMACHINE_FOREVER));
  REFUSES(supermachine_prune_options_set_unused_bakes(options, -2));
  ACCEPTS(supermachine_prune_options_set_unused_bakes(options, 0));
  ACCEPTS(supermachine_prune_options_set_root_file_systems(options, true));
  ACCEPTS(supermachine_store_prune(options, places, &report, &error));
  CHECK(supermachine_string_list_count(supermachine_prune_report_bakes(report)) == 0);
  CHECK(supermachine_prune_report_files(report) == 0);
  supermachine_prune_report_free(report);
  supermachine_prune_options_free(options);
  supermachine_places_free(places);
}

void capi_remote_vm_that_is_not_there_fails(const char* empty_directory) {
  static const char* const kTrue[] = {"true", NULL};
  supermachine_error* error = NULL;
  supermachine_remote_vm* vm = NULL;
  supermachine_exec* exec = NULL;
  supermachine_child* child = OTHER;
  supermachine_outcome* outcome = OTHER;
  char path[4096];
  int fd = 7;
  snprintf(path, sizeof path, "%s/none", empty_directory);
  ACCEPTS(supermachine_remote_vm_attach(path, NULL, &vm, &error));
  CHECK(supermachine_remote_vm_exec(vm, kTrue, &child, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(child == NULL);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, path));
  CHECK(supermachine_remote_vm_connect(vm, 80, 0, &fd, NULL) != SUPERMACHINE_OK);
  CHECK(fd == -1);
  REFUSES(supermachine_remote_vm_connect(vm, 0, 0, &fd, NULL));

  ACCEPTS(supermachine_exec_new_remote(vm, kTrue, &exec, &error));
  ACCEPTS(supermachine_exec_add_env(exec, "A", "b"));
  ACCEPTS(supermachine_exec_set_cwd(exec, "/"));
  ACCEPTS(supermachine_exec_set_user(exec, "root"));
  ACCEPTS(supermachine_exec_set_tty(exec, false));
  ACCEPTS(supermachine_exec_set_winsize(exec, 24, 80));
  ACCEPTS(supermachine_exec_set_stdin(exec, false));
  ACCEPTS(supermachine_exec_set_input(exec, "a\0b", 3));
  REFUSES(supermachine_exec_set_input(exec, NULL, 3));
  ACCEPTS(supermachine_exec_set_timeout(exec, SUPERMACHINE_FOREVER));
  REFUSES(supermachine_exec_set_timeout(exec, -2));
  ACCEPTS(supermachine_exec_stage_file(exec, "/tmp/a", NULL, 0, 0600));
  REFUSES(supermachine_exec_stage_file(exec, "/tmp/a", NULL, 3, 0600));
  ACCEPTS(supermachine_exec_chain(exec, kTrue));
  CHECK(supermachine_exec_output(exec, &outcome, &error) == SUPERMACHINE_NOT_FOUND);
  CHECK(outcome == NULL);
  CHECK(says(&error, SUPERMACHINE_NOT_FOUND, path));
  supermachine_exec_free(exec);
  supermachine_remote_vm_free(vm);
}

void capi_host_check_gives_a_report(void) {
  supermachine_host_report* const report = supermachine_host_check();
  const supermachine_string_list* const problems = supermachine_host_report_problems(report);
  const size_t count = supermachine_string_list_count(problems);
  CHECK(supermachine_host_report_usable(report) == (count == 0));
  CHECK(count == 0 || strlen(supermachine_string_list_at(problems, 0)) > 0);
  CHECK(supermachine_string_list_at(problems, count) == NULL);
  CHECK(supermachine_host_report_duration(report) > 0);
  supermachine_host_report_free(report);
}
