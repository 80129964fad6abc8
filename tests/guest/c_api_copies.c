/* SPDX-License-Identifier: Apache-2.0 */
/* VMs that start from a VM: snapshots, pools, bakes; and a VM reached by its socket. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "c_api.h"
#include "c_api_guest.h"

int c_connect(uint16_t port) {
  struct sockaddr_in address;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (const struct sockaddr*)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

static supermachine_config* small_config(void) {
  supermachine_config* const config = supermachine_config_new();
  CHECK(supermachine_config_set_memory_mib(config, 128) == SUPERMACHINE_OK);
  return config;
}

void c_api_snapshots_and_restores(const char* busybox, const char* directory) {
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_config* config = small_config();
  supermachine_vm* vm = c_start(image, config);
  supermachine_snapshot_options* options = supermachine_snapshot_options_new();
  supermachine_snapshot_info* info = NULL;
  supermachine_image* base = NULL;
  supermachine_image* diff = NULL;
  supermachine_vm* copy;
  char path[4096];
  char diff_path[4096];
  snprintf(path, sizeof path, "%s/base", directory);
  snprintf(diff_path, sizeof diff_path, "%s/diff", directory);
  if (vm == NULL) return;

  CHECK(c_sh(vm, "echo mark > /tmp/mark", ""));
  OK(supermachine_snapshot_options_set_rehearse(options, false));
  OK(supermachine_snapshot_options_set_drop_caches(options, false));
  OK(supermachine_snapshot_options_set_include_rootfs(options, false));
  OK(supermachine_snapshot_options_set_timeout(options, 60 * SUPERMACHINE_SECOND));
  OK(supermachine_vm_snapshot(vm, path, options, &base, &error));
  CHECK(supermachine_vm_snapshot_pause(vm) > 0);
  CHECK(supermachine_vm_snapshot_total(vm) >= supermachine_vm_snapshot_pause(vm));
  CHECK(c_sh(vm, "cat /tmp/mark", "mark\n")); /* it runs on */
  supermachine_vm_free(vm);
  CHECK(supermachine_image_is_snapshot(base));
  CHECK(!supermachine_image_runs_workload(base));
  CHECK(strcmp(supermachine_image_snapshot_directory(base), path) == 0);
  CHECK(strcmp(supermachine_image_digest(base), supermachine_image_digest(image)) == 0);
  supermachine_image_free(base);

  OK(supermachine_image_from_snapshot(path, &base, &error));
  OK(supermachine_config_set_hostname(config, "worker-7"));
  OK(supermachine_config_set_payload(config, "task", 4));
  copy = c_start(base, config);
  CHECK(supermachine_vm_was_restored(copy));
  CHECK(
      c_sh(copy, "cat /tmp/mark; hostname; cat /run/supermachine/payload", "mark\nworker-7\ntask"));
  CHECK(c_sh(copy, "echo more > /tmp/mark", ""));
  OK(supermachine_vm_snapshot_diff(copy, diff_path, base, options, &diff, &error));
  supermachine_vm_free(copy);
  supermachine_config_free(config);

  OK(supermachine_snapshot_verify(path, &error));
  OK(supermachine_snapshot_inspect(diff_path, &info, &error));
  CHECK(supermachine_snapshot_info_is_diff(info));
  CHECK(strcmp(supermachine_snapshot_info_directory(info), diff_path) == 0);
  CHECK(strcmp(strrchr(supermachine_snapshot_info_base(info), '/'), "/base") == 0);
  CHECK(strlen(supermachine_snapshot_info_id(info)) == 32);
  CHECK(supermachine_snapshot_info_memory_mib(info) == 128);
  CHECK(supermachine_snapshot_info_vcpus(info) == 1);
  CHECK(supermachine_snapshot_info_stored_bytes(info) > 0);
  CHECK(supermachine_snapshot_info_created(info) > 1600000000);
  CHECK(strlen(supermachine_snapshot_info_guest_kernel(info)) > 0);
  CHECK(strlen(supermachine_snapshot_info_cpu_vendor(info)) > 0);
  CHECK(supermachine_string_list_count(supermachine_snapshot_info_problems(info)) == 0);
  CHECK(strcmp(supermachine_snapshot_info_image_digest(info), supermachine_image_digest(image)) ==
        0);
  CHECK(supermachine_string_list_count(
            supermachine_image_config_cmd(supermachine_snapshot_info_image_config(info))) ==
        supermachine_string_list_count(
            supermachine_image_config_cmd(supermachine_image_get_config(image))));
  supermachine_snapshot_info_free(info);

  copy = c_start(diff, NULL);
  CHECK(c_sh(copy, "cat /tmp/mark", "more\n"));
  supermachine_vm_free(copy);
  supermachine_image_free(diff);
  supermachine_image_free(base);
  supermachine_snapshot_options_free(options);
  supermachine_image_free(image);
}

void c_api_pools(const char* busybox) {
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_config* config = small_config();
  supermachine_pool_builder* builder = NULL;
  supermachine_pool* pool = NULL;
  supermachine_pool_stats* stats = NULL;
  supermachine_vm* vm = NULL;
  supermachine_vm* second = NULL;
  int round;
  OK(supermachine_pool_builder_new(image, &builder, &error));
  supermachine_image_free(image);
  OK(supermachine_pool_builder_set_min(builder, 2));
  OK(supermachine_pool_builder_set_max(builder, 1));
  OK(supermachine_pool_builder_set_config(builder, config));
  supermachine_config_free(config);
  CHECK(supermachine_pool_builder_build(builder, &pool, NULL) == SUPERMACHINE_INVALID_ARGUMENT);
  OK(supermachine_pool_builder_set_min(builder, 1));
  OK(supermachine_pool_builder_set_idle_timeout(builder, SUPERMACHINE_FOREVER));
  OK(supermachine_pool_builder_set_acquire_timeout(builder, 50 * SUPERMACHINE_MILLISECOND));
  OK(supermachine_pool_builder_set_restore_on_release(builder, true));
  OK(supermachine_pool_builder_set_memory_budget(builder, 0));
  OK(supermachine_pool_builder_set_warm_memory(builder, 1 << 20));
  OK(supermachine_pool_builder_build(builder, &pool, &error));
  supermachine_pool_builder_free(builder);
  if (pool == NULL) return;

  for (round = 0; round < 3; ++round) {
    OK(supermachine_pool_acquire(pool, &vm, &error));
    CHECK(c_sh(vm, "cat /tmp/mark 2> /dev/null; echo mark > /tmp/mark", ""));
    supermachine_vm_free(vm);
  }
  OK(supermachine_pool_acquire(pool, &vm, &error));
  CHECK(supermachine_pool_acquire(pool, &second, NULL) == SUPERMACHINE_TIMEOUT);
  CHECK(second == NULL);
  OK(supermachine_pool_get_stats(pool, &stats, &error));
  CHECK(supermachine_pool_stats_alive(stats) == 1 && supermachine_pool_stats_max(stats) == 1);
  CHECK(supermachine_pool_stats_idle(stats) == 0 && supermachine_pool_stats_in_use(stats) == 1);
  CHECK(supermachine_pool_stats_waiting(stats) == 0);
  CHECK(supermachine_pool_stats_acquired(stats) == 4);
  CHECK(supermachine_pool_stats_retired(stats) == 0);
  CHECK(supermachine_pool_stats_private_bytes(stats) > 0);
  CHECK(supermachine_pool_stats_latency_count(stats, SUPERMACHINE_LATENCY_RESET) == 3);
  CHECK(supermachine_pool_stats_latency(stats, SUPERMACHINE_LATENCY_WAKE, 50) > 0);
  CHECK(supermachine_pool_stats_latency(stats, SUPERMACHINE_LATENCY_WAKE, 51) == 0);
  CHECK(supermachine_pool_stats_latency_count(stats, 99) == 0);
  supermachine_pool_stats_free(stats);
  supermachine_pool_free(pool);
  CHECK(c_sh(vm, "echo on", "on\n")); /* a loan outlives its pool */
  supermachine_vm_free(vm);
}

struct told {
  int steps;
  int captured;
  int warmed;
};

static void on_progress(const supermachine_progress* progress, void* user) {
  struct told* const told = user;
  const supermachine_stage stage = supermachine_progress_stage(progress);
  if (!supermachine_progress_finished(progress)) return;
  CHECK(supermachine_progress_elapsed(progress) > 0);
  CHECK(supermachine_progress_total(progress) == 0 ||
        supermachine_progress_done(progress) <= supermachine_progress_total(progress));
  CHECK(supermachine_progress_item(progress) != NULL);
  CHECK(supermachine_progress_note(progress) != NULL);
  ++told->steps;
  if (stage == SUPERMACHINE_STAGE_CAPTURE) ++told->captured;
}

static supermachine_status warm_up(supermachine_vm* vm, void* user, supermachine_error** error) {
  struct told* const told = user;
  ++told->warmed;
  supermachine_vm_free(vm); /* does nothing: it is borrowed */
  return supermachine_vm_write_file(vm, "/root/warm", "yes", 3, 0644, error);
}

static supermachine_builder* new_builder(const char* busybox, const char* store) {
  supermachine_error* error = NULL;
  supermachine_builder* builder = NULL;
  OK(supermachine_builder_new(busybox, &builder, &error));
  OK(supermachine_builder_set_snapshots_dir(builder, store));
  OK(supermachine_builder_set_name(builder, "bb"));
  OK(supermachine_builder_set_memory_mib(builder, 128));
  OK(supermachine_builder_set_vcpus(builder, 1));
  return builder;
}

void c_api_bakes(const char* busybox, const char* directory) {
  static const char* const kWorkload[] = {"sleep", "1000", NULL};
  supermachine_error* error = NULL;
  supermachine_builder* builder = new_builder(busybox, directory);
  supermachine_image* image = NULL;
  supermachine_vm* vm;
  supermachine_places* places = supermachine_places_new();
  supermachine_bake_list* bakes = NULL;
  supermachine_bake* bake = NULL;
  struct told told = {0, 0, 0};
  size_t i;
  size_t warm = 0;
  OK(supermachine_builder_set_cmd(builder, kWorkload));
  OK(supermachine_builder_add_env(builder, "FLAVOUR", "c"));
  OK(supermachine_builder_set_warmup(builder, warm_up, &told));
  OK(supermachine_builder_set_warmup_tag(builder, "1"));
  OK(supermachine_builder_set_boot_timeout(builder, 120 * SUPERMACHINE_SECOND));
  OK(supermachine_builder_set_progress(builder, on_progress, &told));
  OK(supermachine_builder_find(builder, &image, &error));
  CHECK(image == NULL);
  OK(supermachine_builder_build(builder, &image, &error));
  CHECK(told.warmed == 1);
  CHECK(told.captured >= 1 && told.steps > told.captured);
  supermachine_image_free(image);
  OK(supermachine_builder_build(builder, &image, &error));
  CHECK(told.warmed == 1); /* found */
  supermachine_builder_free(builder);
  vm = c_start(image, NULL);
  CHECK(c_sh(vm, "cat /root/warm; echo $FLAVOUR; pidof sleep > /dev/null", "yesc\n"));
  supermachine_vm_free(vm);
  supermachine_image_free(image);

  OK(supermachine_places_set_snapshots_dir(places, directory));
  OK(supermachine_store_list_bakes(places, &bakes, &error));
  for (i = 0; i < supermachine_bake_list_count(bakes); ++i) {
    const supermachine_bake* one = supermachine_bake_list_at(bakes, i);
    CHECK(supermachine_bake_memory_mib(one) == 128 && supermachine_bake_vcpus(one) == 1);
    CHECK(strlen(supermachine_bake_key(one)) == 64);
    CHECK(strcmp(supermachine_bake_reference(one), busybox) == 0);
    CHECK(strcmp(supermachine_bake_version(one), supermachine_version()) == 0);
    CHECK(supermachine_bake_disk_bytes(one) > 0);
    CHECK(supermachine_bake_last_used(one) >= supermachine_bake_created(one));
    CHECK(supermachine_bake_is_warm(one) != supermachine_bake_is_base(one));
    CHECK(!supermachine_bake_runs_workload(one));
    if (supermachine_bake_is_warm(one)) ++warm;
  }
  CHECK(i == 2 && warm == 1);
  supermachine_bake_list_free(bakes);
  OK(supermachine_store_find_bake("bb", places, &bake, &error));
  CHECK(strcmp(supermachine_bake_name(bake), "bb") == 0);
  CHECK(strcmp(supermachine_bake_warmup_tag(bake), "1") == 0);
  CHECK(strstr(supermachine_bake_directory(bake), directory) != NULL);
  supermachine_bake_free(bake);
  OK(supermachine_store_mark_bake_used("bb", places));
  OK(supermachine_store_remove_bake("bb", places, &error));
  OK(supermachine_store_find_bake("bb", places, &bake, &error));
  CHECK(bake == NULL);
  supermachine_places_free(places);
}

static supermachine_status fail_with_an_error(supermachine_vm* vm, void* user,
                                              supermachine_error** error) {
  (void)vm;
  (void)user;
  *error = supermachine_error_new(SUPERMACHINE_CORRUPT, "the model is damaged");
  return SUPERMACHINE_CORRUPT;
}

static supermachine_status fail_without(supermachine_vm* vm, void* user,
                                        supermachine_error** error) {
  (void)vm;
  (void)user;
  (void)error;
  return SUPERMACHINE_EXHAUSTED;
}

void c_api_fails_with_the_warm_up(const char* busybox, const char* directory) {
  supermachine_error* error = NULL;
  supermachine_builder* builder = new_builder(busybox, directory);
  supermachine_image* image = NULL;
  OK(supermachine_builder_set_warmup(builder, fail_with_an_error, NULL));
  CHECK(supermachine_builder_build(builder, &image, &error) == SUPERMACHINE_CORRUPT);
  CHECK(image == NULL);
  CHECK(strstr(supermachine_error_message(error), "the model is damaged") != NULL);
  c_done(&error);
  OK(supermachine_builder_set_warmup(builder, fail_without, NULL));
  CHECK(supermachine_builder_build(builder, &image, &error) == SUPERMACHINE_EXHAUSTED);
  CHECK(strstr(supermachine_error_message(error), "exhausted") != NULL);
  c_done(&error);
  OK(supermachine_builder_set_warmup(builder, NULL, NULL));
  OK(supermachine_builder_build(builder, &image, &error));
  supermachine_image_free(image);
  supermachine_builder_free(builder);
}

void c_api_reaches_a_vm_by_its_socket(const char* busybox, const char* directory) {
  static const char* const kShow[] = {"cat", "/tmp/file", NULL};
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_config* config = small_config();
  supermachine_vm* vm;
  supermachine_remote_vm* remote = NULL;
  supermachine_child* child = NULL;
  supermachine_exec* exec = NULL;
  supermachine_outcome* outcome = NULL;
  supermachine_listener_list* list = NULL;
  supermachine_bytes* bytes = NULL;
  int fd = -1;
  OK(supermachine_config_set_vsock_mux_dir(config, directory));
  vm = c_start(image, config);
  supermachine_config_free(config);
  if (vm == NULL) return;
  OK(supermachine_remote_vm_attach(supermachine_vm_vsock_path(vm),
                                   supermachine_image_get_config(image), &remote, &error));
  supermachine_image_free(image);

  OK(supermachine_remote_vm_write_file(remote, "/tmp/file", "far", 3, 0644, &error));
  OK(supermachine_remote_vm_read_file(remote, "/tmp/file", 100, &bytes, &error));
  CHECK(supermachine_bytes_size(bytes) == 3);
  supermachine_bytes_free(bytes);
  OK(supermachine_remote_vm_exec(remote, kShow, &child, &error));
  OK(supermachine_child_wait(child, SUPERMACHINE_FOREVER, &outcome, &error));
  CHECK(strcmp(supermachine_outcome_stdout(outcome, NULL), "far") == 0);
  supermachine_outcome_free(outcome);
  supermachine_child_free(child);
  OK(supermachine_exec_new_remote(remote, kShow, &exec, &error));
  OK(supermachine_exec_output(exec, &outcome, &error));
  CHECK(supermachine_outcome_success(outcome));
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);
  OK(supermachine_remote_vm_listeners(remote, &list, &error));
  CHECK(supermachine_listener_list_count(list) == 0);
  supermachine_listener_list_free(list);
  CHECK(supermachine_remote_vm_connect(remote, 80, SUPERMACHINE_SECOND, &fd, NULL) ==
        SUPERMACHINE_NOT_FOUND);
  CHECK(supermachine_remote_vm_follow_workload(remote, &child, NULL) == SUPERMACHINE_NOT_FOUND);
  CHECK(supermachine_remote_vm_workload_signal(remote, 15, NULL) == SUPERMACHINE_NOT_FOUND);
  supermachine_vm_free(vm);
  CHECK(supermachine_remote_vm_exec(remote, kShow, &child, NULL) != SUPERMACHINE_OK);
  supermachine_remote_vm_free(remote);
}
