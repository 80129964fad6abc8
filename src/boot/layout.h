// SPDX-License-Identifier: Apache-2.0
// Where the guest finds things at power-on. Below 640 KiB everything is ours until the kernel takes
// over; the kernel itself decides where it goes (1 MiB and up); the initramfs lies at the top.
#pragma once

#include <cstdint>

#include "memory/guest_memory.h"

namespace supermachine::boot {

inline constexpr GuestAddr kGdtAddr{0x500};
inline constexpr GuestAddr kBootParamsAddr{0x7000};
inline constexpr GuestAddr kBootStackAddr{0x8ff0};
inline constexpr GuestAddr kPml4Addr{0x9000};
inline constexpr GuestAddr kPdptAddr{0xa000};
inline constexpr GuestAddr kPdAddr{0xb000};  // four pages: 4 GiB in pages of 2 MiB
inline constexpr GuestAddr kCommandLineAddr{0x2'0000};
inline constexpr std::uint32_t kCommandLineMax =
    2048;  // COMMAND_LINE_SIZE of x86 Linux, with its NUL
inline constexpr GuestAddr kMpTableAddr{
    0x9'fc00};  // the last KiB of base memory, where BIOSes have it
inline constexpr std::uint64_t kMpTableMax = 0x400;
inline constexpr GuestAddr kHighMemoryStart{0x10'0000};

// What memory is for, for the e820 map: usable up to the MP table, reserved up to 640 KiB.
inline constexpr std::uint64_t kBaseMemoryEnd = 0xa'0000;

// Devices, in the hole below 4 GiB. Interrupt lines 5 and up are free of legacy devices, and the
// IOAPIC has 24.
inline constexpr std::uint64_t kVirtioMmioBase = 0xd000'0000;
inline constexpr std::uint64_t kVirtioMmioStride = 0x1000;
inline constexpr std::uint32_t kFirstVirtioIrq = 5;
inline constexpr std::uint32_t kIrqLines = 24;
static_assert(kVirtioMmioBase >= kMmioHoleStart);

inline constexpr std::uint64_t kIoApicAddr = 0xfec0'0000;
inline constexpr std::uint64_t kLocalApicAddr = 0xfee0'0000;

}  // namespace supermachine::boot
