// SPDX-License-Identifier: Apache-2.0
// The program itself, whatever the preset: it must fit and must need nothing from the image.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

constexpr std::size_t kMaxSize = 1536 * 1024;

TEST(AgentBinary, FitsItsSize) { EXPECT_THAT(read_file(SM_AGENT_BINARY, kMaxSize), IsOk()); }

TEST(AgentBinary, IsStaticAndStripped) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string file, read_file(SM_AGENT_BINARY, 64 << 20));
  Elf64_Ehdr header{};
  ASSERT_GE(file.size(), sizeof(header));
  std::memcpy(&header, file.data(), sizeof(header));
  ASSERT_LE(header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr), file.size());
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    EXPECT_NE(segment.p_type, static_cast<Elf64_Word>(PT_INTERP)) << "needs a dynamic loader";
  }
  ASSERT_LE(header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr), file.size());
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section{};
    std::memcpy(&section, file.data() + header.e_shoff + i * sizeof(section), sizeof(section));
    EXPECT_NE(section.sh_type, static_cast<Elf64_Word>(SHT_SYMTAB)) << "has symbols";
  }
}

}  // namespace
}  // namespace supermachine::agent
