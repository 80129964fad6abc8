/* SPDX-License-Identifier: Apache-2.0 */
/* embed.cc in C: embed_c oci-archive:python.tar python3 -V */
#include <stdio.h>

#include <supermachine/supermachine.h>

/* Runs the command and returns its status, or -1 with *error. */
static int run(const char* reference, const char* const* argv, supermachine_error** error) {
  supermachine_image* image = NULL;
  supermachine_config* config = supermachine_config_new();
  supermachine_vm* vm = NULL;
  supermachine_exec* exec = NULL;
  supermachine_outcome* outcome = NULL;
  int status = -1;

  supermachine_config_set_memory_mib(config, 256);
  if (supermachine_image_from_oci(reference, NULL, &image, error) != SUPERMACHINE_OK) goto done;
  if (supermachine_vm_start(image, config, &vm, error) != SUPERMACHINE_OK) goto done;
  if (supermachine_exec_new(vm, argv, &exec, error) != SUPERMACHINE_OK) goto done;
  supermachine_exec_set_timeout(exec, 60 * SUPERMACHINE_SECOND);
  supermachine_exec_stage_file(exec, "/tmp/greeting", "hello from the host\n", 20, 0644);
  if (supermachine_exec_output(exec, &outcome, error) == SUPERMACHINE_OK) {
    size_t size = 0;
    const void* bytes = supermachine_outcome_stdout(outcome, &size);
    fwrite(bytes, 1, size, stdout);
    bytes = supermachine_outcome_stderr(outcome, &size);
    fwrite(bytes, 1, size, stderr);
    status = supermachine_outcome_status(outcome);
  }
done: /* each of them may be NULL */
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);
  supermachine_vm_free(vm);
  supermachine_config_free(config);
  supermachine_image_free(image);
  return status;
}

int main(int argc, char** argv) {
  supermachine_error* error = NULL;
  int status;
  if (argc < 3) {
    fputs("usage: embed_c IMAGE COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  status = run(argv[1], (const char* const*)(argv + 2), &error);
  if (error == NULL) return status;
  fprintf(stderr, "embed_c: %s\n", supermachine_error_message(error));
  supermachine_error_free(error);
  return 1;
}
