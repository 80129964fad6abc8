/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that are written in C: their program defines c_check(). */
#ifndef SUPERMACHINE_C_CHECK_H
#define SUPERMACHINE_C_CHECK_H

#ifdef __cplusplus
extern "C" {
#endif

/* The test that runs fails when `ok` is 0. */
void c_check(int ok, const char* expression, const char* file, int line);
#define CHECK(expression) c_check((expression) ? 1 : 0, #expression, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
