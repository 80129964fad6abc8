// SPDX-License-Identifier: Apache-2.0
#include "tiny_guest.h"

#include <elf.h>

#include <cstring>

// The names of tiny_guest.S.
extern "C" {
extern const char tiny_guest_begin[];
extern const char tiny_guest_work[];
extern const char tiny_guest_dirty[];
extern const char tiny_guest_end[];
}

namespace supermachine {
namespace {
constexpr std::uint64_t kLoadAddr = 0x100000;
}  // namespace

std::string TinyGuest::kernel() {
  const std::string code(tiny_guest_begin, tiny_guest_end);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = kLoadAddr;
  header.e_phoff = sizeof(header);
  header.e_ehsize = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_offset = sizeof(header) + sizeof(segment);
  segment.p_vaddr = segment.p_paddr = kLoadAddr;
  segment.p_filesz = segment.p_memsz = code.size();
  std::string file(reinterpret_cast<const char*>(&header), sizeof(header));
  file.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
  return file + code;
}

void TinyGuest::jump_to_silent_work(MachineState& state) {
  state.vcpus[0].regs.rip =
      kLoadAddr + static_cast<std::uint64_t>(tiny_guest_dirty - tiny_guest_begin);
}

void TinyGuest::jump_to_work(MachineState& state) {
  state.vcpus[0].regs.rip =
      kLoadAddr + static_cast<std::uint64_t>(tiny_guest_work - tiny_guest_begin);
}

}  // namespace supermachine
