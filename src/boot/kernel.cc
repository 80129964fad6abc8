// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "boot/layout.h"

namespace supermachine::boot {
namespace {

constexpr std::uint32_t kHeaderMagic = 0x5372'6448;  // "HdrS"
constexpr std::uint16_t kBootFlag = 0xaa55;
constexpr std::size_t kHeaderAt = 0x1f1;
constexpr std::uint16_t kMinProtocol = 0x020c;   // the first with a 64-bit entry point
constexpr std::uint64_t kEntry64Offset = 0x200;  // boot.rst, "64-bit boot protocol"
constexpr std::uint64_t kSectorSize = 512;

Error bad_kernel(std::string_view why) {
  return Error(Errc::kInvalidArgument, "kernel image: " + std::string(why));
}

Error too_small(const GuestMemory& memory, std::uint64_t needed) {
  constexpr std::uint64_t kMiB = 1 << 20;
  return Error(Errc::kInvalidArgument,
               std::to_string(memory.size_bytes() / kMiB) +
                   " MiB of memory is too small for the kernel: give the VM more than " +
                   std::to_string((needed + kMiB - 1) / kMiB) + " MiB");
}

template <WireType T>
Result<T> read_at(std::span<const std::byte> image, std::uint64_t offset) {
  if (offset > image.size() || sizeof(T) > image.size() - offset)
    return bad_kernel("it is truncated");
  T value{};
  std::memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

Result<std::span<std::byte>> room_for(const GuestMemory& memory, std::uint64_t addr,
                                      std::uint64_t size) {
  if (addr < static_cast<std::uint64_t>(kHighMemoryStart))
    return bad_kernel("it wants to be loaded below 1 MiB");
  const auto room = memory.slice(GuestAddr{addr}, size);
  if (!room.ok() || addr + size > kMmioHoleStart) return too_small(memory, addr + size);
  return room.value();
}

Result<LoadedKernel> load_elf(const GuestMemory& memory, std::span<const std::byte> image) {
  const auto elf = SM_TRY(read_at<Elf64_Ehdr>(image, 0));
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != EM_X86_64) {
    return bad_kernel("an ELF file, but not for x86_64");
  }
  if (elf.e_phentsize != sizeof(Elf64_Phdr))
    return bad_kernel("its ELF program headers have an unknown size");
  LoadedKernel kernel{.entry = GuestAddr{elf.e_entry}};
  for (std::uint32_t i = 0; i < elf.e_phnum; ++i) {
    if (elf.e_phoff > image.size()) return bad_kernel("it is truncated");
    const auto segment = SM_TRY(read_at<Elf64_Phdr>(image, elf.e_phoff + i * sizeof(Elf64_Phdr)));
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_offset > image.size() || segment.p_filesz > image.size() - segment.p_offset) {
      return bad_kernel("it is truncated");
    }
    if (segment.p_filesz > segment.p_memsz)
      return bad_kernel("a segment is larger in the file than in memory");
    // Memory is fresh, so what the file doesn't fill is zero already.
    const auto room = SM_TRY(room_for(memory, segment.p_paddr, segment.p_memsz));
    std::ranges::copy(image.subspan(segment.p_offset, segment.p_filesz), room.begin());
    kernel.end = std::max(kernel.end, segment.p_paddr + segment.p_memsz);
  }
  if (kernel.end == 0) return bad_kernel("an ELF file with nothing to load");
  if (elf.e_entry < static_cast<std::uint64_t>(kHighMemoryStart) || elf.e_entry >= kernel.end) {
    return bad_kernel(
        "its entry point lies outside of what it loads (a vmlinux has a physical one)");
  }
  kernel.header.boot_flag = kBootFlag;
  kernel.header.header = kHeaderMagic;
  kernel.header.version = kMinProtocol;
  kernel.header.cmdline_size = kCommandLineMax - 1;
  kernel.header.kernel_alignment = 0x100'0000;
  return kernel;
}

Result<LoadedKernel> load_bzimage(const GuestMemory& memory, std::span<const std::byte> image) {
  LoadedKernel kernel{.header = SM_TRY(read_at<setup_header>(image, kHeaderAt))};
  const setup_header& header = kernel.header;
  if (header.version < kMinProtocol || (header.xloadflags & XLF_KERNEL_64) == 0) {
    return bad_kernel("a bzImage without a 64-bit entry point");
  }
  const std::uint64_t setup_sectors = header.setup_sects == 0 ? 4 : header.setup_sects;
  const std::uint64_t start = (setup_sectors + 1) * kSectorSize;
  if (start >= image.size()) return bad_kernel("it is truncated");
  const auto code = image.subspan(start);
  const std::uint64_t declared = std::uint64_t{header.syssize} * 16;
  if (code.size() < declared - std::min<std::uint64_t>(declared, 16))
    return bad_kernel("it is truncated");
  // It unpacks itself where it is loaded and needs init_size bytes from there on.
  const std::uint64_t needed = std::max<std::uint64_t>(header.init_size, code.size());
  const auto room = SM_TRY(room_for(memory, header.pref_address, needed));
  std::ranges::copy(code, room.begin());
  kernel.entry = GuestAddr{header.pref_address} + kEntry64Offset;
  kernel.end = header.pref_address + needed;
  return kernel;
}

}  // namespace

Result<LoadedKernel> load_kernel(const GuestMemory& memory, std::span<const std::byte> image) {
  const auto magic = image.first(std::min<std::size_t>(image.size(), SELFMAG));
  if (std::ranges::equal(magic, std::as_bytes(std::span(ELFMAG, SELFMAG))))
    return load_elf(memory, image);
  const auto header = read_at<setup_header>(image, kHeaderAt);
  if (header.ok() && header.value().boot_flag == kBootFlag &&
      header.value().header == kHeaderMagic) {
    return load_bzimage(memory, image);
  }
  return bad_kernel("neither an ELF vmlinux nor a bzImage");
}

}  // namespace supermachine::boot
