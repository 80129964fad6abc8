// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_id.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace supermachine::boot {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
std::string raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string elf_with_build_id() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_phoff = sizeof(header);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof(header) + sizeof(segment);
  const Elf64_Nhdr other{.n_namesz = 5, .n_descsz = 1, .n_type = 7};
  const Elf64_Nhdr build{.n_namesz = 4, .n_descsz = 3, .n_type = NT_GNU_BUILD_ID};
  const std::string notes = raw(other) + std::string("Xen4\0\0\0\0", 8) +
                            std::string("z\0\0\0", 4) + raw(build) + std::string("GNU\0", 4) +
                            "\x01\xab\x7f";
  segment.p_filesz = notes.size();
  return raw(header) + raw(segment) + notes;
}

TEST(KernelId, IsAnElfFilesBuildId) {
  EXPECT_EQ(kernel_id(bytes_of(elf_with_build_id())), "01ab7f");
}

TEST(KernelId, IsABzImagesVersion) {
  std::string image(0x400, '\0');
  image.replace(0x202, 4, "HdrS");
  image.replace(0x20e, 2, std::string("\x00\x01", 2));
  image.replace(0x300, 12, "6.12 (x) #1");
  EXPECT_EQ(kernel_id(bytes_of(image)), "6.12 (x) #1");
}

TEST(LinuxRelease, IsTheFirstWordOfABzImagesVersion) {
  std::string image(0x400, '\0');
  image.replace(0x202, 4, "HdrS");
  image.replace(0x20e, 2, std::string("\x00\x01", 2));
  image.replace(0x300, 12, "6.12 (x) #1");
  EXPECT_EQ(linux_release(bytes_of(image)), "6.12");
}

TEST(LinuxRelease, IsInAnElfFilesBanner) {
  EXPECT_EQ(linux_release(bytes_of(elf_with_build_id() + "Linux version %s (%s)" + "..." +
                                   "Linux version 6.12.43 (a@b) #1")),
            "6.12.43");
  EXPECT_EQ(linux_release(bytes_of("Linux version ")), "");
  EXPECT_EQ(linux_release({}), "");
}

TEST(KernelId, OfATruncatedImageIsNoneAndNoCrash) {
  const std::string elf = elf_with_build_id();
  for (std::size_t size = 0; size < elf.size(); ++size)
    EXPECT_EQ(kernel_id(bytes_of(elf.substr(0, size))), "") << size;
  std::string image(0x400, '\xff');
  image.replace(0x202, 4, "HdrS");
  for (std::size_t size = 0; size < image.size(); ++size)
    EXPECT_EQ(kernel_id(bytes_of(image.substr(0, size))), "") << size;
}

}  // namespace
}  // namespace supermachine::boot
