// SPDX-License-Identifier: Apache-2.0
// Which supermachine this agent is of, for whoever is to start it (src/instance/agent_image.h):
// a note as of gABI, "Note Section", of type 1. `readelf -n` shows it.
        .section .note.supermachine, "a", @note
        .balign 4
        .long 2f - 1f
        .long 4f - 3f
        .long 1
1:      .asciz "supermachine"
2:      .balign 4
3:      .asciz SM_VERSION
4:      .balign 4
        .section .note.GNU-stack, "", @progbits
