// SPDX-License-Identifier: Apache-2.0
#include "base/elf_note.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/endian.h"

namespace supermachine {
namespace {

template <typename T>
std::string raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string note(const std::string& owner, std::uint32_t type, const std::string& content) {
  const auto padded = [](std::string text) { return text.append((4 - text.size() % 4) % 4, '\0'); };
  const Elf64_Nhdr header{.n_namesz = static_cast<Elf64_Word>(owner.size() + 1),
                          .n_descsz = static_cast<Elf64_Word>(content.size()),
                          .n_type = type};
  return raw(header) + padded(owner + '\0') + padded(content);
}

std::string elf_with(const std::string& notes) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_phoff = sizeof(header);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof(header) + sizeof(segment);
  segment.p_filesz = notes.size();
  return raw(header) + raw(segment) + notes;
}

std::string found(const std::string& image, std::string_view owner, std::uint32_t type) {
  const auto bytes = find_elf_note(std::as_bytes(std::span(image)), owner, type);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ElfNote, IsFoundByOwnerAndType) {
  const std::string elf =
      elf_with(note("Xen", 1, "no") + note("mine", 2, "not this") + note("mine", 1, "1.2.3"));
  EXPECT_EQ(found(elf, "mine", 1), "1.2.3");
  EXPECT_EQ(found(elf, "mine", 2), "not this");
  EXPECT_EQ(found(elf, "mine", 3), "");
  EXPECT_EQ(found(elf, "min", 1), "");
  EXPECT_EQ(found(elf, "mine1", 1), "");
}

TEST(ElfNote, OfATruncatedFileIsNoneAndNoCrash) {
  const std::string elf = elf_with(note("other", 1, "abc") + note("mine", 1, "1.2.3"));
  for (std::size_t size = 0; size < elf.size(); ++size)
    EXPECT_EQ(found(elf.substr(0, size), "mine", 1), "") << size;
}

TEST(ElfNote, SurvivesSizesThatLie) {
  for (const std::size_t at : {0U, 4U}) {
    std::string elf = elf_with(note("mine", 1, "1.2.3"));
    elf.replace(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + at, 4, "\xff\xff\xff\xff");
    EXPECT_EQ(found(elf, "mine", 1), "") << at;
  }
}

TEST(ElfNote, IsNotInWhatIsNoElfFile) {
  EXPECT_EQ(found("", "mine", 1), "");
  EXPECT_EQ(found(std::string(4096, 'x'), "mine", 1), "");
}

}  // namespace
}  // namespace supermachine
