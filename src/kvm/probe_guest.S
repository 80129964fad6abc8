// SPDX-License-Identifier: Apache-2.0
// The probe's guest (probe.cc): long mode, one identity-mapped page of 2 MiB. It reports through
// port writes; their numbers are in probe.cc. Position-independent: copied to guest memory as is.

        .section .rodata.probe_guest, "a"
        .code64
        .global probe_guest_begin, probe_guest_end
        .global probe_guest_invalid_opcode, probe_guest_fault, probe_guest_syscall

probe_guest_begin:
        movl    $0x80000002, %eax       // the brand string, to which the host gave a mark
        cpuid
        movl    %ebx, %eax
        outl    %eax, $0x10
        ud2                             // invalid opcode: the handler steps over it
        outb    %al, $0x12
        pushq   $0x1b                   // to ring 3: ss, rsp, rflags, cs, rip
        pushq   $0x30000
        pushq   $0x2
        pushq   $0x23
        leaq    user(%rip), %rax
        pushq   %rax
        iretq
user:
        syscall
1:      jmp     1b

probe_guest_invalid_opcode:
        outb    %al, $0x11
        addq    $2, (%rsp)
        iretq

probe_guest_fault:                      // any other exception
        outb    %al, $0x1f
        hlt

probe_guest_syscall:
        movw    %cs, %ax
        outb    %al, $0x13
        hlt
probe_guest_end:

        .section .note.GNU-stack, "", @progbits
