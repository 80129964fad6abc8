// SPDX-License-Identifier: Apache-2.0
// <linux/kvm.h> for C++. Its flexible arrays are wrapped beside an empty struct, which has size 0
// in C and 1 in C++: that shifts the arrays and, since ioctl numbers hold sizes, changes the
// numbers. Newer kernel headers know C++; Debian 12's do not. Include this, never <linux/kvm.h>.
#pragma once

#include <linux/stddef.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#undef __DECLARE_FLEX_ARRAY
#define __DECLARE_FLEX_ARRAY(type, name) type name[0]  // NOLINT: the kernel's macro, for C++
#include <linux/kvm.h>
#pragma GCC diagnostic pop

#include <cstddef>
#include <cstdint>

// Newer than Debian 12's headers; api.rst 4.143.
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
struct kvm_pre_fault_memory {
  std::uint64_t gpa;
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

static_assert(sizeof(kvm_cpuid2) == 8 && offsetof(kvm_cpuid2, entries) == 8);
static_assert(sizeof(kvm_msrs) == 8 && offsetof(kvm_msrs, entries) == 8);
static_assert(offsetof(kvm_signal_mask, sigset) == 4);
