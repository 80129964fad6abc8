/* SPDX-License-Identifier: Apache-2.0 */
/* One VM: commands, files, ports, its end. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "c_api.h"
#include "c_api_guest.h"

supermachine_image* c_open(const char* busybox) {
  supermachine_error* error = NULL;
  supermachine_image* image = NULL;
  OK(supermachine_image_from_oci(busybox, NULL, &image, &error));
  return image;
}

supermachine_vm* c_start(const supermachine_image* image, const supermachine_config* config) {
  supermachine_error* error = NULL;
  supermachine_vm* vm = NULL;
  OK(supermachine_vm_start(image, config, &vm, &error));
  return vm;
}

void c_ok(supermachine_status status, supermachine_error** error, const char* call,
          const char* file, int line) {
  c_check(status == SUPERMACHINE_OK, call, file, line);
  if (status == SUPERMACHINE_OK || *error == NULL) return;
  fprintf(stderr, "it says: %s\n", supermachine_error_message(*error));
  c_done(error);
}

void c_done(supermachine_error** error) {
  supermachine_error_free(*error);
  *error = NULL;
}

int c_sh(supermachine_vm* vm, const char* script, const char* expected) {
  const char* argv[] = {"sh", "-c", NULL, NULL};
  supermachine_error* error = NULL;
  supermachine_exec* exec = NULL;
  supermachine_outcome* outcome = NULL;
  size_t size = 0;
  const char* out;
  int same;
  argv[2] = script;
  OK(supermachine_exec_new(vm, argv, &exec, &error));
  OK(supermachine_exec_set_timeout(exec, 60 * SUPERMACHINE_SECOND));
  OK(supermachine_exec_output(exec, &outcome, &error));
  out = supermachine_outcome_stdout(outcome, &size);
  same = supermachine_outcome_success(outcome) && size == strlen(expected) &&
         memcmp(out, expected, size) == 0;
  if (!same) fprintf(stderr, "%s: %s\n", script, out == NULL ? "(nothing)" : out);
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);
  return same;
}

void c_api_runs_commands(const char* busybox) {
  static const char* const kFirst[] = {"sh", "-c", "cat in; echo $NAME >&2; pwd", NULL};
  static const char* const kSecond[] = {"sh", "-c", "exit 3", NULL};
  static const char* const kCat[] = {"cat", NULL};
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_vm* vm = c_start(image, NULL);
  supermachine_exec* exec = NULL;
  supermachine_outcome* outcome = NULL;
  supermachine_bytes* bytes = NULL;
  size_t size = 0;
  const char* text;
  supermachine_image_free(image); /* the VM does not need it */
  if (vm == NULL) return;
  CHECK(!supermachine_vm_was_restored(vm));
  CHECK(supermachine_vm_timing(vm, SUPERMACHINE_TIMING_AGENT_READY) >
        supermachine_vm_timing(vm, SUPERMACHINE_TIMING_KERNEL_ENTERED));
  CHECK(supermachine_vm_timing(vm, 99) == 0);

  OK(supermachine_exec_new(vm, kFirst, &exec, &error));
  OK(supermachine_exec_add_env(exec, "NAME", "value"));
  OK(supermachine_exec_set_cwd(exec, "/tmp"));
  OK(supermachine_exec_stage_file(exec, "/tmp/in", "a\nb\n", 4, 0600));
  OK(supermachine_exec_chain(exec, kSecond));
  OK(supermachine_exec_output(exec, &outcome, &error));
  CHECK(supermachine_outcome_status(outcome) == 3);
  CHECK(!supermachine_outcome_success(outcome));
  CHECK(!supermachine_outcome_timed_out(outcome));
  CHECK(supermachine_outcome_step(outcome) == 1);
  CHECK(supermachine_outcome_duration(outcome) > 0);
  CHECK(supermachine_outcome_peak_rss_kib(outcome) > 0);
  text = supermachine_outcome_stdout(outcome, &size);
  CHECK(size == 9 && strcmp(text, "a\nb\n/tmp\n") == 0);
  CHECK(strcmp(supermachine_outcome_stderr(outcome, NULL), "value\n") == 0);
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);

  OK(supermachine_exec_new(vm, kCat, &exec, &error));
  OK(supermachine_exec_set_input(exec, "gi\0ven", 6));
  OK(supermachine_exec_output(exec, &outcome, &error));
  text = supermachine_outcome_stdout(outcome, &size);
  CHECK(size == 6 && memcmp(text, "gi\0ven", 6) == 0);
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);

  OK(supermachine_vm_write_file(vm, "/root/file", "x\0y", 3, 0640, &error));
  OK(supermachine_vm_read_file(vm, "/root/file", 3, &bytes, &error));
  CHECK(supermachine_bytes_size(bytes) == 3);
  CHECK(memcmp(supermachine_bytes_data(bytes), "x\0y", 3) == 0);
  supermachine_bytes_free(bytes);
  CHECK(supermachine_vm_read_file(vm, "/root/file", 2, &bytes, NULL) == SUPERMACHINE_EXHAUSTED);
  CHECK(bytes == NULL);
  CHECK(supermachine_vm_read_file(vm, "/root/none", 3, &bytes, NULL) == SUPERMACHINE_NOT_FOUND);
  CHECK(c_sh(vm, "stat -c %a /root/file", "640\n"));
  supermachine_vm_free(vm);
}

void c_api_streams_a_command(const char* busybox) {
  static const char* const kCat[] = {"sh", "-c", "echo up >&2; cat", NULL};
  static const char* const kSleep[] = {"sleep", "1000", NULL};
  static const char* const kNone[] = {"no-such-program", NULL};
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_vm* vm = c_start(image, NULL);
  supermachine_exec* exec = NULL;
  supermachine_child* child = NULL;
  supermachine_event* event = NULL;
  supermachine_outcome* outcome = NULL;
  size_t size = 0;
  size_t taken = 0;
  supermachine_image_free(image);
  if (vm == NULL) return;

  OK(supermachine_exec_new(vm, kCat, &exec, &error));
  OK(supermachine_exec_set_stdin(exec, true));
  OK(supermachine_exec_spawn(exec, &child, &error));
  supermachine_exec_free(exec);
  CHECK(supermachine_child_fd(child) >= 0);
  OK(supermachine_child_next(child, 10 * SUPERMACHINE_SECOND, &event, &error));
  CHECK(supermachine_event_get_kind(event) == SUPERMACHINE_EVENT_STDERR);
  CHECK(memcmp(supermachine_event_data(event, &size), "up\n", 3) == 0 && size == 3);
  CHECK(supermachine_event_outcome(event) == NULL);
  supermachine_event_free(event);
  OK(supermachine_child_try_next(child, &event, &error));
  CHECK(event == NULL);
  CHECK(supermachine_child_next(child, 50 * SUPERMACHINE_MILLISECOND, &event, NULL) ==
        SUPERMACHINE_TIMEOUT);
  CHECK(event == NULL);

  OK(supermachine_child_write_stdin(child, "one", 3, SUPERMACHINE_FOREVER, &error));
  OK(supermachine_child_next(child, SUPERMACHINE_FOREVER, &event, &error));
  CHECK(supermachine_event_get_kind(event) == SUPERMACHINE_EVENT_STDOUT);
  CHECK(memcmp(supermachine_event_data(event, &size), "one", 3) == 0 && size == 3);
  supermachine_event_free(event);
  OK(supermachine_child_try_write_stdin(child, "two", 3, &taken, &error));
  CHECK(taken == 3);
  OK(supermachine_child_close_stdin(child));
  OK(supermachine_child_next(child, SUPERMACHINE_FOREVER, &event, &error));
  CHECK(supermachine_event_get_kind(event) == SUPERMACHINE_EVENT_STDOUT);
  supermachine_event_free(event);
  OK(supermachine_child_next(child, SUPERMACHINE_FOREVER, &event, &error));
  CHECK(supermachine_event_get_kind(event) == SUPERMACHINE_EVENT_OUTCOME);
  CHECK(supermachine_event_data(event, &size) == NULL && size == 0);
  CHECK(supermachine_outcome_success(supermachine_event_outcome(event)));
  supermachine_event_free(event);
  supermachine_child_free(child);

  OK(supermachine_vm_exec(vm, kSleep, &child, &error));
  OK(supermachine_child_signal(child, 15, &error));
  OK(supermachine_child_wait(child, 10 * SUPERMACHINE_SECOND, &outcome, &error));
  CHECK(supermachine_outcome_status(outcome) == 128 + 15);
  supermachine_outcome_free(outcome);
  supermachine_child_free(child);

  OK(supermachine_vm_exec(vm, kSleep, &child, &error));
  supermachine_child_free(child); /* kills it */
  CHECK(c_sh(vm, "while pidof sleep > /dev/null; do usleep 10000; done", ""));

  OK(supermachine_vm_exec(vm, kNone, &child, &error));
  OK(supermachine_child_wait(child, 10 * SUPERMACHINE_SECOND, &outcome, &error));
  CHECK(supermachine_outcome_status(outcome) == 127);
  supermachine_outcome_free(outcome);
  supermachine_child_free(child);

  OK(supermachine_exec_new(vm, kSleep, &exec, &error));
  OK(supermachine_exec_set_timeout(exec, 100 * SUPERMACHINE_MILLISECOND));
  OK(supermachine_exec_output(exec, &outcome, &error));
  CHECK(supermachine_outcome_timed_out(outcome));
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);
  supermachine_vm_free(vm);
}

void c_api_says_how_a_vm_ended(const char* busybox) {
  static const char* const kReboot[] = {"reboot", "-f", NULL};
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_vm* vm = c_start(image, NULL);
  supermachine_exit* end = NULL;
  supermachine_child* child = NULL;
  supermachine_outcome* outcome = NULL;
  if (vm == NULL) return;
  OK(supermachine_vm_wait(vm, 0, &end, &error));
  CHECK(end == NULL);
  OK(supermachine_vm_exec(vm, kReboot, &child, &error));
  CHECK(supermachine_child_wait(child, SUPERMACHINE_FOREVER, &outcome, &error) ==
        SUPERMACHINE_GUEST_FAULT);
  CHECK(supermachine_error_code(error) == SUPERMACHINE_GUEST_FAULT);
  c_done(&error);
  supermachine_child_free(child);
  OK(supermachine_vm_wait(vm, SUPERMACHINE_FOREVER, &end, &error));
  CHECK(supermachine_exit_get_kind(end) == SUPERMACHINE_EXIT_RESET);
  CHECK(strlen(supermachine_exit_message(end)) > 0);
  supermachine_exit_free(end);
  supermachine_vm_free(vm);

  vm = c_start(image, NULL);
  OK(supermachine_vm_stop(vm));
  OK(supermachine_vm_stop(vm));
  OK(supermachine_vm_wait(vm, SUPERMACHINE_FOREVER, &end, &error));
  CHECK(supermachine_exit_get_kind(end) == SUPERMACHINE_EXIT_STOPPED);
  supermachine_exit_free(end);
  supermachine_vm_free(vm);
  supermachine_image_free(image);
}

/* Sends a word through the socket and reads it back. */
static int echoes(int fd) {
  char word[4] = "";
  const int same = write(fd, "word", 4) == 4 && recv(fd, word, sizeof word, MSG_WAITALL) == 4 &&
                   memcmp(word, "word", 4) == 0;
  close(fd);
  return same;
}

void c_api_has_ports_and_a_workload(const char* busybox) {
  static const char* const kEcho[] = {"sh", "-c", "echo begins; exec nc -ll -p 7777 -e cat", NULL};
  supermachine_error* error = NULL;
  supermachine_image* image = c_open(busybox);
  supermachine_vm* vm = c_start(image, NULL);
  supermachine_listener* listener = NULL;
  supermachine_listener_list* list = NULL;
  supermachine_forward* forward = NULL;
  supermachine_child* log = NULL;
  supermachine_event* event = NULL;
  supermachine_outcome* outcome = NULL;
  int fd = -1;
  supermachine_image_free(image);
  if (vm == NULL) return;
  CHECK(supermachine_vm_connect(vm, 7777, SUPERMACHINE_SECOND, &fd, NULL) ==
        SUPERMACHINE_NOT_FOUND);
  CHECK(supermachine_vm_follow_workload(vm, &log, NULL) == SUPERMACHINE_NOT_FOUND);
  CHECK(supermachine_vm_wait_listener(vm, 0, 0, &listener, NULL) == SUPERMACHINE_TIMEOUT);

  OK(supermachine_vm_start_workload(vm, kEcho, &error));
  OK(supermachine_vm_wait_listener(vm, 7777, 10 * SUPERMACHINE_SECOND, &listener, &error));
  CHECK(supermachine_listener_port(listener) == 7777);
  CHECK(supermachine_listener_pid(listener) > 1);
  CHECK(strlen(supermachine_listener_address(listener)) > 0);
  supermachine_listener_free(listener);
  OK(supermachine_vm_listeners(vm, &list, &error));
  CHECK(supermachine_listener_list_count(list) == 1);
  CHECK(supermachine_listener_port(supermachine_listener_list_at(list, 0)) == 7777);
  supermachine_listener_list_free(list);
  OK(supermachine_vm_connect(vm, 7777, 10 * SUPERMACHINE_SECOND, &fd, &error));
  CHECK(echoes(fd));
  OK(supermachine_vm_connect(vm, 0, SUPERMACHINE_FOREVER, &fd, &error));
  CHECK(echoes(fd));

  OK(supermachine_vm_expose_tcp(vm, NULL, 0, 7777, &forward, &error));
  CHECK(supermachine_forward_port(forward) != 0);
  CHECK(strcmp(supermachine_forward_address(forward), "127.0.0.1") == 0);
  CHECK(echoes(c_connect(supermachine_forward_port(forward))));
  CHECK(supermachine_vm_expose_tcp(vm, "127.0.0.1", supermachine_forward_port(forward), 7777,
                                   &(supermachine_forward*){NULL},
                                   NULL) == SUPERMACHINE_INVALID_ARGUMENT);

  OK(supermachine_vm_follow_workload(vm, &log, &error));
  OK(supermachine_child_next(log, 10 * SUPERMACHINE_SECOND, &event, &error));
  CHECK(memcmp(supermachine_event_data(event, NULL), "begins\n", 7) == 0);
  CHECK(supermachine_child_skipped_bytes(log) == 0);
  supermachine_event_free(event);
  OK(supermachine_vm_workload_signal(vm, 9, &error));
  OK(supermachine_child_wait(log, 10 * SUPERMACHINE_SECOND, &outcome, &error));
  CHECK(supermachine_outcome_status(outcome) == 128 + 9);
  supermachine_outcome_free(outcome);
  supermachine_child_free(log);
  supermachine_vm_free(vm);
  supermachine_forward_free(forward); /* which may outlive its VM */
}
