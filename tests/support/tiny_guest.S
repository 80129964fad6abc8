// SPDX-License-Identifier: Apache-2.0
// A guest of a few instructions, for machines whose KVM cannot run Linux (tiny_guest.h). It is
// entered as a kernel is: in long mode, the low 4 GiB mapped one to one.

        .section .rodata.tiny_guest, "a"
        .code64
        .global tiny_guest_begin, tiny_guest_end, tiny_guest_work, tiny_guest_dirty

tiny_guest_begin:
        movw    $0x3f8, %dx
        movb    $'R', %al
        outb    %al, %dx
        movb    $'\n', %al
        outb    %al, %dx
        xorl    %ebx, %ebx
wait:
        movw    $0x3ff, %dx             // the UART's scratch register: host's to set in a saved state
        inb     %dx, %al
        testb   %al, %al
        jz      wait
tiny_guest_work:
        movl    $100, %ecx
        movl    $0x200000, %edi
1:      incb    (%rdi)
        addl    $0x1000, %edi
        decl    %ecx
        jnz     1b
        movw    $0x3f8, %dx
        movb    0x200000, %al           // how often that was done to this memory
        addb    $'0', %al
        outb    %al, %dx
        movb    $'\n', %al
        outb    %al, %dx
        movb    $0xfe, %al              // the end: a reset
        outb    %al, $0x64
1:      hlt
        jmp     1b
tiny_guest_dirty:                       // the same without a word
        movl    $100, %ecx
        movl    $0x200000, %edi
2:      incb    (%rdi)
        addl    $0x1000, %edi
        decl    %ecx
        jnz     2b
        movb    $0xfe, %al
        outb    %al, $0x64
1:      hlt
        jmp     1b
tiny_guest_end:

        .section .note.GNU-stack, "", @progbits
