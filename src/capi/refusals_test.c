/* SPDX-License-Identifier: Apache-2.0 */
/* Every function with NULL wherever a pointer goes: none may crash, all say what they have to say.
 * declarations_test.cc holds that none is missing here. */
#include <stddef.h>
#include <string.h>

#include "capi/c_tests.h"
#include "supermachine/supermachine.h"

#define REFUSES(call) CHECK((call) == SUPERMACHINE_INVALID_ARGUMENT)
#define EMPTY(text) CHECK(strcmp((text), "") == 0)

void capi_refuses_error(void) {
  CHECK(strcmp(supermachine_status_name(0), "ok") == 0);
  supermachine_error* const error = supermachine_error_new(SUPERMACHINE_OK, NULL);
  CHECK(supermachine_error_code(error) == SUPERMACHINE_INVALID_ARGUMENT);
  EMPTY(supermachine_error_message(error));
  supermachine_error_free(error);
  supermachine_error_free(NULL);
  CHECK(supermachine_error_code(NULL) == SUPERMACHINE_OK);
  CHECK(supermachine_error_os_errno(NULL) == 0);
  EMPTY(supermachine_error_message(NULL));
}

void capi_refuses_values(void) {
  CHECK(strlen(supermachine_version()) > 0);
  CHECK(supermachine_string_list_count(NULL) == 0);
  CHECK(supermachine_string_list_at(NULL, 0) == NULL);
  supermachine_bytes_free(NULL);
  CHECK(supermachine_bytes_data(NULL) == NULL);
  CHECK(supermachine_bytes_size(NULL) == 0);
}

void capi_refuses_config(void) {
  supermachine_host_report_free(supermachine_host_check());
  supermachine_host_report_free(NULL);
  CHECK(!supermachine_host_report_usable(NULL));
  CHECK(supermachine_host_report_problems(NULL) == NULL);
  CHECK(supermachine_host_report_duration(NULL) == 0);
  REFUSES(supermachine_assets_new(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_assets_from_dir(NULL, NULL, NULL));
  REFUSES(supermachine_assets_bundled(NULL, NULL));
  REFUSES(supermachine_assets_discover(NULL, NULL));
  supermachine_assets_free(NULL);
  EMPTY(supermachine_assets_kernel(NULL));
  EMPTY(supermachine_assets_agent(NULL));
  supermachine_config_free(supermachine_config_new());
  supermachine_config_free(NULL);
  REFUSES(supermachine_config_set_memory_mib(NULL, 0));
  REFUSES(supermachine_config_set_vcpus(NULL, 0));
  REFUSES(supermachine_config_set_assets(NULL, NULL));
  REFUSES(supermachine_config_set_vsock_mux_dir(NULL, NULL));
  REFUSES(supermachine_config_set_boot_timeout(NULL, 0));
  REFUSES(supermachine_config_set_restore_timeout(NULL, 0));
  REFUSES(supermachine_config_set_hostname(NULL, NULL));
  REFUSES(supermachine_config_set_machine_id(NULL, NULL));
  REFUSES(supermachine_config_set_payload(NULL, NULL, 0));
  REFUSES(supermachine_config_set_workload(NULL, false));
  REFUSES(supermachine_config_set_console_fd(NULL, 0));
  REFUSES(supermachine_config_check(NULL, NULL));
}

void capi_refuses_progress(void) {
  CHECK(strcmp(supermachine_stage_name(99), "unknown") == 0);
  CHECK(supermachine_progress_stage(NULL) == 0);
  EMPTY(supermachine_progress_item(NULL));
  CHECK(supermachine_progress_done(NULL) == 0);
  CHECK(supermachine_progress_total(NULL) == 0);
  CHECK(supermachine_progress_elapsed(NULL) == 0);
  CHECK(!supermachine_progress_finished(NULL));
  EMPTY(supermachine_progress_note(NULL));
}

void capi_refuses_image(void) {
  supermachine_import_options_free(supermachine_import_options_new());
  supermachine_import_options_free(NULL);
  REFUSES(supermachine_import_options_set_cache_dir(NULL, NULL));
  REFUSES(supermachine_import_options_set_pull_policy(NULL, 0));
  REFUSES(supermachine_import_options_set_platform(NULL, NULL));
  REFUSES(supermachine_import_options_set_progress(NULL, NULL, NULL));
  REFUSES(supermachine_image_from_oci(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_image_from_snapshot(NULL, NULL, NULL));
  supermachine_image_free(NULL);
  CHECK(!supermachine_image_is_snapshot(NULL));
  EMPTY(supermachine_image_snapshot_directory(NULL));
  CHECK(!supermachine_image_runs_workload(NULL));
  EMPTY(supermachine_image_name(NULL));
  EMPTY(supermachine_image_digest(NULL));
  EMPTY(supermachine_image_rootfs_path(NULL));
  CHECK(supermachine_image_get_config(NULL) == NULL);
  CHECK(supermachine_image_config_env(NULL) == NULL);
  CHECK(supermachine_image_config_entrypoint(NULL) == NULL);
  CHECK(supermachine_image_config_cmd(NULL) == NULL);
  EMPTY(supermachine_image_config_working_dir(NULL));
  EMPTY(supermachine_image_config_stop_signal(NULL));
  EMPTY(supermachine_image_config_user(NULL));
  CHECK(supermachine_image_config_exposed_ports(NULL) == NULL);
  CHECK(supermachine_image_config_label_names(NULL) == NULL);
  CHECK(supermachine_image_config_label(NULL, NULL) == NULL);
}

void capi_refuses_builder(void) {
  REFUSES(supermachine_builder_new(NULL, NULL, NULL));
  supermachine_builder_free(NULL);
  REFUSES(supermachine_builder_set_platform(NULL, NULL));
  REFUSES(supermachine_builder_add_extra_file(NULL, NULL, NULL));
  REFUSES(supermachine_builder_set_oci_archive(NULL, NULL));
  REFUSES(supermachine_builder_set_oci_layout(NULL, NULL));
  REFUSES(supermachine_builder_set_image(NULL, NULL));
  REFUSES(supermachine_builder_add_kernel_arg(NULL, NULL));
  REFUSES(supermachine_builder_set_vcpus(NULL, 0));
  REFUSES(supermachine_builder_set_memory_mib(NULL, 0));
  REFUSES(supermachine_builder_set_name(NULL, NULL));
  REFUSES(supermachine_builder_set_name_suffix(NULL, NULL));
  REFUSES(supermachine_builder_set_pull_policy(NULL, 0));
  REFUSES(supermachine_builder_set_guest_port(NULL, 0));
  REFUSES(supermachine_builder_set_cmd(NULL, NULL));
  REFUSES(supermachine_builder_add_env(NULL, NULL, NULL));
  REFUSES(supermachine_builder_set_snapshots_dir(NULL, NULL));
  REFUSES(supermachine_builder_set_warmup(NULL, NULL, NULL));
  REFUSES(supermachine_builder_set_warmup_tag(NULL, NULL));
  REFUSES(supermachine_builder_require_listener(NULL));
  REFUSES(supermachine_builder_set_listener_timeout(NULL, 0));
  REFUSES(supermachine_builder_set_boot_timeout(NULL, 0));
  REFUSES(supermachine_builder_set_assets(NULL, NULL));
  REFUSES(supermachine_builder_set_cache_dir(NULL, NULL));
  REFUSES(supermachine_builder_set_progress(NULL, NULL, NULL));
  REFUSES(supermachine_builder_build(NULL, NULL, NULL));
  REFUSES(supermachine_builder_find(NULL, NULL, NULL));
}

void capi_refuses_exec(void) {
  supermachine_outcome_free(NULL);
  CHECK(supermachine_outcome_status(NULL) == -1);
  CHECK(!supermachine_outcome_success(NULL));
  CHECK(supermachine_outcome_stdout(NULL, NULL) == NULL);
  CHECK(supermachine_outcome_stderr(NULL, NULL) == NULL);
  CHECK(supermachine_outcome_duration(NULL) == 0);
  CHECK(!supermachine_outcome_timed_out(NULL));
  CHECK(supermachine_outcome_peak_rss_kib(NULL) == 0);
  CHECK(supermachine_outcome_step(NULL) == 0);
  supermachine_child_free(NULL);
  supermachine_event_free(NULL);
  CHECK(supermachine_event_get_kind(NULL) == 0);
  CHECK(supermachine_event_data(NULL, NULL) == NULL);
  CHECK(supermachine_event_outcome(NULL) == NULL);
  REFUSES(supermachine_child_next(NULL, 0, NULL, NULL));
  REFUSES(supermachine_child_try_next(NULL, NULL, NULL));
  REFUSES(supermachine_child_wait(NULL, 0, NULL, NULL));
  REFUSES(supermachine_child_write_stdin(NULL, NULL, 0, 0, NULL));
  REFUSES(supermachine_child_try_write_stdin(NULL, NULL, 0, NULL, NULL));
  REFUSES(supermachine_child_close_stdin(NULL));
  REFUSES(supermachine_child_signal(NULL, 0, NULL));
  REFUSES(supermachine_child_resize(NULL, 0, 0, NULL));
  CHECK(supermachine_child_skipped_bytes(NULL) == 0);
  CHECK(supermachine_child_fd(NULL) == -1);
  CHECK(!supermachine_child_wants_write(NULL));
  REFUSES(supermachine_exec_new(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_exec_new_remote(NULL, NULL, NULL, NULL));
  supermachine_exec_free(NULL);
  REFUSES(supermachine_exec_add_env(NULL, NULL, NULL));
  REFUSES(supermachine_exec_set_cwd(NULL, NULL));
  REFUSES(supermachine_exec_set_user(NULL, NULL));
  REFUSES(supermachine_exec_set_tty(NULL, false));
  REFUSES(supermachine_exec_set_winsize(NULL, 0, 0));
  REFUSES(supermachine_exec_set_stdin(NULL, false));
  REFUSES(supermachine_exec_set_input(NULL, NULL, 0));
  REFUSES(supermachine_exec_set_timeout(NULL, 0));
  REFUSES(supermachine_exec_stage_file(NULL, NULL, NULL, 0, 0));
  REFUSES(supermachine_exec_chain(NULL, NULL));
  REFUSES(supermachine_exec_output(NULL, NULL, NULL));
  REFUSES(supermachine_exec_spawn(NULL, NULL, NULL));
}

void capi_refuses_vm(void) {
  REFUSES(supermachine_vm_start(NULL, NULL, NULL, NULL));
  supermachine_vm_free(NULL);
  REFUSES(supermachine_vm_stop(NULL));
  REFUSES(supermachine_vm_wait(NULL, 0, NULL, NULL));
  supermachine_exit_free(NULL);
  CHECK(supermachine_exit_get_kind(NULL) == 0);
  EMPTY(supermachine_exit_message(NULL));
  EMPTY(supermachine_vm_vsock_path(NULL));
  CHECK(supermachine_vm_timing(NULL, 0) == 0);
  CHECK(!supermachine_vm_was_restored(NULL));
  REFUSES(supermachine_vm_exec(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_vm_write_file(NULL, NULL, NULL, 0, 0, NULL));
  REFUSES(supermachine_vm_read_file(NULL, NULL, 0, NULL, NULL));
  REFUSES(supermachine_vm_start_workload(NULL, NULL, NULL));
  REFUSES(supermachine_vm_start_workload_with(NULL, NULL, NULL));
  REFUSES(supermachine_vm_follow_workload(NULL, NULL, NULL));
  REFUSES(supermachine_vm_workload_signal(NULL, 0, NULL));
  REFUSES(supermachine_vm_wait_ready(NULL, 0, NULL));
  REFUSES(supermachine_vm_listeners(NULL, NULL, NULL));
  REFUSES(supermachine_vm_wait_listener(NULL, 0, 0, NULL, NULL));
  REFUSES(supermachine_vm_connect(NULL, 0, 0, NULL, NULL));
  REFUSES(supermachine_vm_expose_tcp(NULL, NULL, 0, 0, NULL, NULL));
  REFUSES(supermachine_vm_snapshot(NULL, NULL, NULL, NULL, NULL));
  REFUSES(supermachine_vm_snapshot_diff(NULL, NULL, NULL, NULL, NULL, NULL));
  CHECK(supermachine_vm_snapshot_pause(NULL) == 0);
  CHECK(supermachine_vm_snapshot_total(NULL) == 0);
}

void capi_refuses_ports(void) {
  supermachine_listener_free(NULL);
  CHECK(supermachine_listener_port(NULL) == 0);
  EMPTY(supermachine_listener_address(NULL));
  CHECK(supermachine_listener_pid(NULL) == 0);
  supermachine_listener_list_free(NULL);
  CHECK(supermachine_listener_list_count(NULL) == 0);
  CHECK(supermachine_listener_list_at(NULL, 0) == NULL);
  supermachine_forward_free(NULL);
  CHECK(supermachine_forward_port(NULL) == 0);
  EMPTY(supermachine_forward_address(NULL));
}

void capi_refuses_snapshot(void) {
  supermachine_snapshot_options_free(supermachine_snapshot_options_new());
  supermachine_snapshot_options_free(NULL);
  REFUSES(supermachine_snapshot_options_set_include_rootfs(NULL, false));
  REFUSES(supermachine_snapshot_options_set_drop_caches(NULL, false));
  REFUSES(supermachine_snapshot_options_set_rehearse(NULL, false));
  REFUSES(supermachine_snapshot_options_set_timeout(NULL, 0));
  REFUSES(supermachine_snapshot_inspect(NULL, NULL, NULL));
  REFUSES(supermachine_snapshot_verify(NULL, NULL));
  supermachine_snapshot_info_free(NULL);
  EMPTY(supermachine_snapshot_info_directory(NULL));
  EMPTY(supermachine_snapshot_info_id(NULL));
  CHECK(!supermachine_snapshot_info_is_diff(NULL));
  EMPTY(supermachine_snapshot_info_base(NULL));
  CHECK(supermachine_snapshot_info_created(NULL) == 0);
  CHECK(supermachine_snapshot_info_memory_mib(NULL) == 0);
  CHECK(supermachine_snapshot_info_vcpus(NULL) == 0);
  CHECK(supermachine_snapshot_info_stored_bytes(NULL) == 0);
  CHECK(supermachine_snapshot_info_hot_bytes(NULL) == 0);
  EMPTY(supermachine_snapshot_info_image_name(NULL));
  EMPTY(supermachine_snapshot_info_image_digest(NULL));
  EMPTY(supermachine_snapshot_info_rootfs_path(NULL));
  EMPTY(supermachine_snapshot_info_cpu_vendor(NULL));
  EMPTY(supermachine_snapshot_info_guest_kernel(NULL));
  CHECK(supermachine_snapshot_info_image_config(NULL) == NULL);
  CHECK(supermachine_snapshot_info_problems(NULL) == NULL);
}

void capi_refuses_pool(void) {
  REFUSES(supermachine_pool_builder_new(NULL, NULL, NULL));
  supermachine_pool_builder_free(NULL);
  REFUSES(supermachine_pool_builder_set_min(NULL, 0));
  REFUSES(supermachine_pool_builder_set_max(NULL, 0));
  REFUSES(supermachine_pool_builder_set_idle_timeout(NULL, 0));
  REFUSES(supermachine_pool_builder_set_acquire_timeout(NULL, 0));
  REFUSES(supermachine_pool_builder_set_restore_on_release(NULL, false));
  REFUSES(supermachine_pool_builder_set_memory_budget(NULL, 0));
  REFUSES(supermachine_pool_builder_set_warm_memory(NULL, 0));
  REFUSES(supermachine_pool_builder_set_config(NULL, NULL));
  REFUSES(supermachine_pool_builder_build(NULL, NULL, NULL));
  supermachine_pool_free(NULL);
  REFUSES(supermachine_pool_acquire(NULL, NULL, NULL));
  REFUSES(supermachine_pool_get_stats(NULL, NULL, NULL));
  supermachine_pool_stats_free(NULL);
  CHECK(supermachine_pool_stats_alive(NULL) == 0);
  CHECK(supermachine_pool_stats_idle(NULL) == 0);
  CHECK(supermachine_pool_stats_in_use(NULL) == 0);
  CHECK(supermachine_pool_stats_max(NULL) == 0);
  CHECK(supermachine_pool_stats_waiting(NULL) == 0);
  CHECK(supermachine_pool_stats_acquired(NULL) == 0);
  CHECK(supermachine_pool_stats_retired(NULL) == 0);
  CHECK(supermachine_pool_stats_private_bytes(NULL) == 0);
  CHECK(supermachine_pool_stats_latency_count(NULL, 0) == 0);
  CHECK(supermachine_pool_stats_latency(NULL, 0, 0) == 0);
}

void capi_refuses_remote_vm(void) {
  REFUSES(supermachine_remote_vm_attach(NULL, NULL, NULL, NULL));
  supermachine_remote_vm_free(NULL);
  REFUSES(supermachine_remote_vm_exec(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_remote_vm_write_file(NULL, NULL, NULL, 0, 0, NULL));
  REFUSES(supermachine_remote_vm_read_file(NULL, NULL, 0, NULL, NULL));
  REFUSES(supermachine_remote_vm_follow_workload(NULL, NULL, NULL));
  REFUSES(supermachine_remote_vm_workload_signal(NULL, 0, NULL));
  REFUSES(supermachine_remote_vm_listeners(NULL, NULL, NULL));
  REFUSES(supermachine_remote_vm_connect(NULL, 0, 0, NULL, NULL));
}

void capi_refuses_store(void) {
  supermachine_places_free(supermachine_places_new());
  supermachine_places_free(NULL);
  REFUSES(supermachine_places_set_snapshots_dir(NULL, NULL));
  REFUSES(supermachine_places_set_cache_dir(NULL, NULL));
  supermachine_bake_free(NULL);
  EMPTY(supermachine_bake_name(NULL));
  EMPTY(supermachine_bake_directory(NULL));
  EMPTY(supermachine_bake_reference(NULL));
  EMPTY(supermachine_bake_key(NULL));
  CHECK(!supermachine_bake_is_base(NULL));
  CHECK(!supermachine_bake_is_warm(NULL));
  EMPTY(supermachine_bake_warmup_tag(NULL));
  CHECK(!supermachine_bake_runs_workload(NULL));
  CHECK(supermachine_bake_guest_port(NULL) == 0);
  EMPTY(supermachine_bake_version(NULL));
  CHECK(supermachine_bake_memory_mib(NULL) == 0);
  CHECK(supermachine_bake_vcpus(NULL) == 0);
  CHECK(supermachine_bake_disk_bytes(NULL) == 0);
  CHECK(supermachine_bake_created(NULL) == 0);
  CHECK(supermachine_bake_last_used(NULL) == 0);
  REFUSES(supermachine_store_list_bakes(NULL, NULL, NULL));
  supermachine_bake_list_free(NULL);
  CHECK(supermachine_bake_list_count(NULL) == 0);
  CHECK(supermachine_bake_list_at(NULL, 0) == NULL);
  REFUSES(supermachine_store_find_bake(NULL, NULL, NULL, NULL));
  REFUSES(supermachine_store_mark_bake_used(NULL, NULL));
  REFUSES(supermachine_store_remove_bake(NULL, NULL, NULL));
  EMPTY(supermachine_pulled_image_reference(NULL));
  EMPTY(supermachine_pulled_image_platform(NULL));
  EMPTY(supermachine_pulled_image_digest(NULL));
  CHECK(supermachine_pulled_image_bytes(NULL) == 0);
  CHECK(supermachine_pulled_image_pulled(NULL) == 0);
  REFUSES(supermachine_store_list_pulled(NULL, NULL, NULL));
  supermachine_pulled_image_list_free(NULL);
  CHECK(supermachine_pulled_image_list_count(NULL) == 0);
  CHECK(supermachine_pulled_image_list_at(NULL, 0) == NULL);
  REFUSES(supermachine_store_remove_pulled(NULL, NULL, NULL));
  supermachine_prune_options_free(supermachine_prune_options_new());
  supermachine_prune_options_free(NULL);
  REFUSES(supermachine_prune_options_set_unused_bakes(NULL, 0));
  REFUSES(supermachine_prune_options_set_root_file_systems(NULL, false));
  REFUSES(supermachine_store_prune(NULL, NULL, NULL, NULL));
  supermachine_prune_report_free(NULL);
  CHECK(supermachine_prune_report_bakes(NULL) == NULL);
  CHECK(supermachine_prune_report_files(NULL) == 0);
  CHECK(supermachine_prune_report_bytes(NULL) == 0);
}
