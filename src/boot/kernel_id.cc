// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_id.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/endian.h"

namespace supermachine::boot {
namespace {

constexpr std::size_t kSetupMagicAt = 0x202;
constexpr std::string_view kSetupMagic = "HdrS";
constexpr std::size_t kVersionPointerAt = 0x20e;  // relative to 0x200
constexpr std::size_t kMaxVersion = 256;
constexpr std::size_t kMaxId = 64;

using Bytes = std::span<const std::byte>;

// Empty when it is not all there.
Bytes part(Bytes all, std::uint64_t offset, std::uint64_t size) {
  if (offset > all.size() || size > all.size() - offset) return {};
  return all.subspan(offset, size);
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // text is bytes
}

std::string hex(Bytes bytes) {
  std::string out;
  for (const std::byte byte : bytes) {
    out += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    out += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

// gABI, "Note Section": sizes and type, then name and contents, each padded to four bytes.
std::string build_id_in(Bytes notes) {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    const std::uint64_t name_size = load_le<std::uint32_t>(notes, 0);
    const std::uint64_t id_size = load_le<std::uint32_t>(notes, 4);
    const auto type = load_le<std::uint32_t>(notes, 8);
    const std::uint64_t id_at = sizeof(Elf64_Nhdr) + (name_size + 3) / 4 * 4;
    const Bytes id = part(notes, id_at, id_size);
    if (id.empty()) return {};
    if (type == NT_GNU_BUILD_ID &&
        text_of(part(notes, sizeof(Elf64_Nhdr), name_size)) == std::string("GNU\0", 4)) {
      return id.size() <= kMaxId ? hex(id) : std::string();
    }
    const std::uint64_t next = id_at + (id_size + 3) / 4 * 4;
    notes = notes.subspan(std::min<std::uint64_t>(next, notes.size()));
  }
  return {};
}

std::string elf_id(Bytes image) {
  const Bytes header = part(image, 0, sizeof(Elf64_Ehdr));
  const auto table = load_le<std::uint64_t>(header, offsetof(Elf64_Ehdr, e_phoff));
  const auto count = load_le<std::uint16_t>(header, offsetof(Elf64_Ehdr, e_phnum));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (table > image.size()) return {};
    const Bytes entry = part(image, table + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
    if (entry.empty()) return {};
    if (load_le<std::uint32_t>(entry, offsetof(Elf64_Phdr, p_type)) != PT_NOTE) continue;
    std::string id =
        build_id_in(part(image, load_le<std::uint64_t>(entry, offsetof(Elf64_Phdr, p_offset)),
                         load_le<std::uint64_t>(entry, offsetof(Elf64_Phdr, p_filesz))));
    if (!id.empty()) return id;
  }
  return {};
}

std::string bzimage_id(Bytes image) {
  const std::size_t at = 0x200U + load_le<std::uint16_t>(image, kVersionPointerAt);
  if (at >= image.size()) return {};
  const std::string text = text_of(image.subspan(at, std::min(kMaxVersion, image.size() - at)));
  const std::string version = text.substr(0, text.find('\0'));
  const bool printable = std::ranges::all_of(version, [](char c) { return c >= ' ' && c <= '~'; });
  return printable ? version : std::string();
}

}  // namespace

std::string kernel_id(std::span<const std::byte> image) {
  if (image.size() >= sizeof(Elf64_Ehdr) && text_of(image.first(SELFMAG)) == ELFMAG)
    return elf_id(image);
  if (text_of(part(image, kSetupMagicAt, kSetupMagic.size())) == kSetupMagic &&
      image.size() >= kVersionPointerAt + 2) {
    return bzimage_id(image);
  }
  return {};
}

}  // namespace supermachine::boot
