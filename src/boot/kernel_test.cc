// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "result_matchers.h"

namespace supermachine::boot {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kLoadAddr = 2 * kMiB;

// An ELF file with one segment of "code" and some zeroes after it.
struct TinyElf {
  Elf64_Ehdr header{};
  Elf64_Phdr segment{};
  char code[8] = {'k', 'e', 'r', 'n', 'e', 'l', '!', '!'};

  TinyElf() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_entry = kLoadAddr;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(segment);
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_paddr = kLoadAddr;
    segment.p_filesz = sizeof(code);
    segment.p_memsz = 4096;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(this, 1));
  }
};
static_assert(sizeof(TinyElf) == sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 8);

// A bzImage with one setup sector after the first, and "code" behind them.
std::vector<std::byte> tiny_bzimage() {
  setup_header header{};
  header.setup_sects = 1;
  header.boot_flag = 0xaa55;
  header.header = 0x53726448;
  header.version = 0x20f;
  header.xloadflags = XLF_KERNEL_64;
  header.syssize = 32;
  header.pref_address = kLoadAddr;
  header.init_size = 4096;
  std::vector<std::byte> image(1024 + 512, std::byte{0x90});
  std::memcpy(image.data() + 0x1f1, &header, sizeof(header));
  return image;
}

const GuestMemory& memory() {
  static const GuestMemory kMemory = GuestMemory::create(4 * kMiB).value();
  return kMemory;
}

TEST(Kernel, LoadsAnElfWhereItWantsToBe) {
  const TinyElf elf;
  SM_ASSERT_OK_AND_ASSIGN(const LoadedKernel kernel, load_kernel(memory(), elf.bytes()));
  EXPECT_EQ(kernel.entry, GuestAddr{kLoadAddr});
  EXPECT_EQ(kernel.end, kLoadAddr + 4096);
  EXPECT_EQ(std::memcmp(memory().slice(GuestAddr{kLoadAddr}, 8).value().data(), "kernel!!", 8), 0);
}

TEST(Kernel, LoadsABzImageAndEntersItsSecondHalf) {
  SM_ASSERT_OK_AND_ASSIGN(const LoadedKernel kernel, load_kernel(memory(), tiny_bzimage()));
  EXPECT_EQ(kernel.entry, GuestAddr{kLoadAddr + 0x200});
  EXPECT_EQ(kernel.end, kLoadAddr + 4096);
}

TEST(Kernel, RefusesEveryTruncation) {
  const TinyElf elf;
  for (std::size_t n = 0; n < elf.bytes().size(); ++n) {
    EXPECT_THAT(load_kernel(memory(), elf.bytes().first(n)), Fails(Errc::kInvalidArgument)) << n;
  }
  const auto image = tiny_bzimage();
  for (std::size_t n = 0; n + 16 < image.size(); ++n) {
    EXPECT_THAT(load_kernel(memory(), std::span(image).first(n)), Fails(Errc::kInvalidArgument))
        << n;
  }
}

TEST(Kernel, RefusesASegmentThatDoesNotFit) {
  TinyElf elf;
  elf.segment.p_paddr = 4 * kMiB - 2048;
  const auto result = load_kernel(memory(), elf.bytes());
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("too small for the kernel"), std::string::npos)
      << result.error().message();

  elf.segment.p_paddr = ~0ULL - 100;
  EXPECT_THAT(load_kernel(memory(), elf.bytes()), Fails(Errc::kInvalidArgument));
  elf.segment.p_paddr = 0x1000;
  EXPECT_THAT(load_kernel(memory(), elf.bytes()), Fails(Errc::kInvalidArgument));
}

TEST(Kernel, RefusesAnEntryOutsideOfWhatItLoads) {
  TinyElf elf;
  elf.header.e_entry = 0xffffffff81000000;
  EXPECT_THAT(load_kernel(memory(), elf.bytes()), Fails(Errc::kInvalidArgument));
}

TEST(Kernel, RefusesOtherMachinesAndOtherFiles) {
  TinyElf elf;
  elf.header.e_machine = EM_AARCH64;
  EXPECT_THAT(load_kernel(memory(), elf.bytes()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(load_kernel(memory(), std::vector<std::byte>(4096)), Fails(Errc::kInvalidArgument));
}

TEST(Kernel, RefusesABzImageWithout64BitEntry) {
  auto image = tiny_bzimage();
  const std::uint16_t none = 0;
  std::memcpy(image.data() + 0x1f1 + offsetof(setup_header, xloadflags), &none, sizeof(none));
  EXPECT_THAT(load_kernel(memory(), image), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::boot
