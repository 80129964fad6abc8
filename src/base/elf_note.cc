// SPDX-License-Identifier: Apache-2.0
#include "base/elf_note.h"

#include <elf.h>

#include <algorithm>

#include "base/endian.h"

namespace supermachine {
namespace {

using Bytes = std::span<const std::byte>;

// Empty when it is not all there.
Bytes part(Bytes all, std::uint64_t offset, std::uint64_t size) {
  if (offset > all.size() || size > all.size() - offset) return {};
  return all.subspan(offset, size);
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // text is bytes
}

// Sizes and type, then name and contents, each padded to four bytes. The name ends with a zero.
Bytes find_in(Bytes notes, std::string_view owner, std::uint32_t type) {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    const std::uint64_t name_size = load_le<std::uint32_t>(notes, 0);
    const std::uint64_t size = load_le<std::uint32_t>(notes, 4);
    const std::uint64_t at = sizeof(Elf64_Nhdr) + (name_size + 3) / 4 * 4;
    const Bytes name = part(notes, sizeof(Elf64_Nhdr), name_size);
    const Bytes content = part(notes, at, size);
    if (load_le<std::uint32_t>(notes, 8) == type && name_size == owner.size() + 1 &&
        text_of(name).starts_with(owner)) {
      return content;
    }
    const std::uint64_t next = at + (size + 3) / 4 * 4;
    notes = notes.subspan(std::min<std::uint64_t>(next, notes.size()));
  }
  return {};
}

}  // namespace

Bytes find_elf_note(Bytes image, std::string_view owner, std::uint32_t type) {
  const Bytes header = part(image, 0, sizeof(Elf64_Ehdr));
  if (header.empty() || text_of(header.first(SELFMAG)) != ELFMAG) return {};
  const auto table = load_le<std::uint64_t>(header, offsetof(Elf64_Ehdr, e_phoff));
  const auto count = load_le<std::uint16_t>(header, offsetof(Elf64_Ehdr, e_phnum));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (table > image.size()) return {};
    const Bytes entry = part(image, table + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
    if (entry.empty()) return {};
    if (load_le<std::uint32_t>(entry, offsetof(Elf64_Phdr, p_type)) != PT_NOTE) continue;
    const Bytes notes = part(image, load_le<std::uint64_t>(entry, offsetof(Elf64_Phdr, p_offset)),
                             load_le<std::uint64_t>(entry, offsetof(Elf64_Phdr, p_filesz)));
    if (const Bytes found = find_in(notes, owner, type); !found.empty()) return found;
  }
  return {};
}

}  // namespace supermachine
