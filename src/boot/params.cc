// SPDX-License-Identifier: Apache-2.0
#include "boot/params.h"

#include <algorithm>
#include <array>

#include "boot/layout.h"
#include "boot/mp_table.h"

namespace supermachine::boot {
namespace {

constexpr std::uint64_t kPageSize = 4096;
constexpr std::uint8_t kUnknownLoader = 0xff;

// e820 types.
constexpr std::uint32_t kUsable = 1;
constexpr std::uint32_t kReserved = 2;

Status write_bytes(const GuestMemory& memory, GuestAddr addr, std::span<const std::byte> bytes) {
  const auto room = SM_TRY(memory.slice(addr, bytes.size()));
  std::ranges::copy(bytes, room.begin());
  return {};
}

// Identity mapping of the first 4 GiB, enough for the kernel's first steps.
Status write_page_tables(const GuestMemory& memory) {
  constexpr std::uint64_t kPresentWritable = 0x3;
  constexpr std::uint64_t kLarge = 0x80;
  SM_TRY(memory.write(kPml4Addr, static_cast<std::uint64_t>(kPdptAddr) | kPresentWritable));
  for (std::uint64_t gib = 0; gib < 4; ++gib) {
    const GuestAddr pd = kPdAddr + gib * kPageSize;
    SM_TRY(memory.write(kPdptAddr + gib * 8, static_cast<std::uint64_t>(pd) | kPresentWritable));
    std::array<std::uint64_t, 512> entries{};
    for (std::uint64_t i = 0; i < entries.size(); ++i) {
      entries.at(i) = ((gib << 30) + (i << 21)) | kPresentWritable | kLarge;
    }
    SM_TRY(memory.write(pd, entries));
  }
  return {};
}

// Selectors as boot.rst asks: __BOOT_CS 0x10, __BOOT_DS 0x18; a task state segment at 0x20.
Status write_gdt(const GuestMemory& memory) {
  constexpr std::array<std::uint64_t, 6> kDescriptors{
      0, 0, 0x00af'9b00'0000'ffff, 0x00cf'9300'0000'ffff, 0x008f'8b00'0000'ffff, 0};
  return memory.write(kGdtAddr, kDescriptors);
}

void add_memory_map(const GuestMemory& memory, boot_params& params) {
  const auto add = [&params](std::uint64_t start, std::uint64_t end, std::uint32_t type) {
    params.e820_table[params.e820_entries++] = {.addr = start, .size = end - start, .type = type};
  };
  const auto mp_table = static_cast<std::uint64_t>(kMpTableAddr);
  add(0, mp_table, kUsable);
  add(mp_table, kBaseMemoryEnd, kReserved);
  for (const GuestMemory::Region& region : memory.regions()) {
    const auto start = std::max(static_cast<std::uint64_t>(region.start),
                                static_cast<std::uint64_t>(kHighMemoryStart));
    add(start, static_cast<std::uint64_t>(region.start) + region.bytes.size(), kUsable);
  }
}

// As high as it goes below the hole, so that it is out of the way of the kernel's own growth.
Status place_initramfs(const GuestMemory& memory, const LoadedKernel& kernel,
                       std::span<const std::byte> initramfs, boot_params& params) {
  if (initramfs.empty()) return {};
  const std::uint64_t low_end = memory.regions().front().bytes.size();
  const std::uint64_t size = (initramfs.size() + kPageSize - 1) / kPageSize * kPageSize;
  if (low_end < kernel.end || size > low_end - kernel.end) {
    return Error(Errc::kInvalidArgument,
                 std::to_string(memory.size_bytes() >> 20) +
                     " MiB of memory is too small for the kernel and its initramfs");
  }
  const std::uint64_t start = (low_end - size) / kPageSize * kPageSize;
  SM_TRY(write_bytes(memory, GuestAddr{start}, initramfs));
  params.hdr.ramdisk_image = static_cast<std::uint32_t>(start);
  params.hdr.ramdisk_size = static_cast<std::uint32_t>(initramfs.size());
  return {};
}

}  // namespace

Status write_boot_params(const GuestMemory& memory, const LoadedKernel& kernel,
                         const std::string& command_line, std::span<const std::byte> initramfs,
                         std::uint32_t vcpus) {
  const std::uint32_t limit = std::min(kCommandLineMax - 1, kernel.header.cmdline_size);
  if (command_line.size() > limit) {
    return Error(Errc::kInvalidArgument, "the kernel command line has " +
                                             std::to_string(command_line.size()) + " bytes, " +
                                             std::to_string(limit) + " fit");
  }
  SM_TRY(write_bytes(memory, kCommandLineAddr,
                     std::as_bytes(std::span(command_line.c_str(), command_line.size() + 1))));

  boot_params params{};
  params.hdr = kernel.header;
  params.hdr.type_of_loader = kUnknownLoader;
  params.hdr.cmd_line_ptr = static_cast<std::uint32_t>(kCommandLineAddr);
  params.hdr.cmdline_size = static_cast<std::uint32_t>(command_line.size());
  SM_TRY(place_initramfs(memory, kernel, initramfs, params));
  add_memory_map(memory, params);
  SM_TRY(memory.write(kBootParamsAddr, params));

  SM_TRY(write_bytes(memory, kMpTableAddr,
                     make_mp_table(static_cast<std::uint32_t>(kMpTableAddr), vcpus)));
  SM_TRY(write_gdt(memory));
  return write_page_tables(memory);
}

}  // namespace supermachine::boot
