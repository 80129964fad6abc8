/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests in C share. */
#ifndef SUPERMACHINE_TESTS_GUEST_C_API_GUEST_H
#define SUPERMACHINE_TESTS_GUEST_C_API_GUEST_H

#include "c_check.h"
#include "supermachine/supermachine.h"

/* The call succeeds, or the test fails with what the caller's `error` says. */
#define OK(call) c_ok((call), &error, #call, __FILE__, __LINE__)
void c_ok(supermachine_status status, supermachine_error** error, const char* call,
          const char* file, int line);
/* Frees an error that has been looked at. */
void c_done(supermachine_error** error);

supermachine_image* c_open(const char* busybox);
supermachine_vm* c_start(const supermachine_image* image, const supermachine_config* config);
/* Whether `script` succeeds in the guest and prints this. */
int c_sh(supermachine_vm* vm, const char* script, const char* expected);
/* To a port of 127.0.0.1; -1. */
int c_connect(uint16_t port);

#endif
