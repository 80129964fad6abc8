/* SPDX-License-Identifier: Apache-2.0 */
/* TCP ports of a guest. */
#ifndef SUPERMACHINE_C_PORTS_H
#define SUPERMACHINE_C_PORTS_H

#include "supermachine/c/values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A TCP socket of the guest that takes connections. */
typedef struct supermachine_listener supermachine_listener;
void supermachine_listener_free(supermachine_listener* listener) SUPERMACHINE_NOEXCEPT;
uint16_t supermachine_listener_port(const supermachine_listener* listener) SUPERMACHINE_NOEXCEPT;
/* As the program bound it: "0.0.0.0", "127.0.0.1", "::". */
const char* supermachine_listener_address(const supermachine_listener* listener)
    SUPERMACHINE_NOEXCEPT;
/* In the guest, of a process that has it; 0: none was found. */
uint32_t supermachine_listener_pid(const supermachine_listener* listener) SUPERMACHINE_NOEXCEPT;

typedef struct supermachine_listener_list supermachine_listener_list;
void supermachine_listener_list_free(supermachine_listener_list* list) SUPERMACHINE_NOEXCEPT;
size_t supermachine_listener_list_count(const supermachine_listener_list* list)
    SUPERMACHINE_NOEXCEPT;
/* Borrowed from the list; NULL from `index` = count on. */
const supermachine_listener* supermachine_listener_list_at(const supermachine_listener_list* list,
                                                           size_t index) SUPERMACHINE_NOEXCEPT;

/* A TCP port of the host whose connections lead into a guest, from supermachine_vm_expose_tcp().
 * Freeing it, from any thread, closes the port and its connections; so does the end of the VM, or
 * its way back to its pool, both of which it may outlive. */
typedef struct supermachine_forward supermachine_forward;
void supermachine_forward_free(supermachine_forward* forward) SUPERMACHINE_NOEXCEPT;
/* Of the host. */
uint16_t supermachine_forward_port(const supermachine_forward* forward) SUPERMACHINE_NOEXCEPT;
const char* supermachine_forward_address(const supermachine_forward* forward) SUPERMACHINE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
