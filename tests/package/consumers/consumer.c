/* SPDX-License-Identifier: Apache-2.0 */
/* consumer IMAGE: boots it, runs one command, prints what that wrote. */
#include <stdio.h>
#include <supermachine/supermachine.h>

static int run(const char* reference, supermachine_error** error) {
  supermachine_image* image = NULL;
  supermachine_vm* vm = NULL;
  supermachine_exec* exec = NULL;
  supermachine_outcome* outcome = NULL;
  const char* const argv[] = {"echo", "hello from C", NULL};
  int status = 1;

  if (supermachine_image_from_oci(reference, NULL, &image, error) == SUPERMACHINE_OK &&
      supermachine_vm_start(image, NULL, &vm, error) == SUPERMACHINE_OK &&
      supermachine_exec_new(vm, argv, &exec, error) == SUPERMACHINE_OK &&
      supermachine_exec_output(exec, &outcome, error) == SUPERMACHINE_OK) {
    fputs((const char*)supermachine_outcome_stdout(outcome, NULL), stdout);
    status = supermachine_outcome_status(outcome);
  }
  supermachine_outcome_free(outcome);
  supermachine_exec_free(exec);
  supermachine_vm_free(vm);
  supermachine_image_free(image);
  return status;
}

int main(int argc, char** argv) {
  supermachine_error* error = NULL;
  int status = run(argc > 1 ? argv[1] : "", &error);
  if (error != NULL) fprintf(stderr, "consumer: %s\n", supermachine_error_message(error));
  supermachine_error_free(error);
  return status;
}
