// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_id.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/elf_note.h"
#include "base/endian.h"

namespace supermachine::boot {
namespace {

constexpr std::size_t kSetupMagicAt = 0x202;
constexpr std::string_view kSetupMagic = "HdrS";
constexpr std::size_t kVersionPointerAt = 0x20e;  // relative to 0x200
constexpr std::size_t kMaxVersion = 256;
constexpr std::size_t kMaxId = 64;
constexpr std::string_view kBanner = "Linux version ";  // init/version.c

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

bool is_bzimage(Bytes image) {
  return image.size() >= kVersionPointerAt + 2 &&
         text_of(part(image, kSetupMagicAt, kSetupMagic.size())) == kSetupMagic;
}

// Up to the first of `ends`; empty when that is no text.
std::string text_at(Bytes image, std::size_t at, std::string_view ends) {
  if (at >= image.size()) return {};
  const std::string text = text_of(image.subspan(at, std::min(kMaxVersion, image.size() - at)));
  const std::string word = text.substr(0, text.find_first_of(ends));
  const bool printable = std::ranges::all_of(word, [](char c) { return c >= ' ' && c <= '~'; });
  return printable ? word : std::string();
}

std::size_t version_at(Bytes image) {
  return 0x200U + load_le<std::uint16_t>(image, kVersionPointerAt);
}

}  // namespace

std::string kernel_id(std::span<const std::byte> image) {
  if (const Bytes id = find_elf_note(image, "GNU", NT_GNU_BUILD_ID); !id.empty())
    return id.size() <= kMaxId ? hex(id) : std::string();
  if (is_bzimage(image)) return text_at(image, version_at(image), std::string_view("", 1));
  return {};
}

std::string linux_release(std::span<const std::byte> image) {
  constexpr std::string_view kWordEnds("\0 ", 2);
  if (is_bzimage(image)) return text_at(image, version_at(image), kWordEnds);
  const std::string_view all(reinterpret_cast<const char*>(image.data()), image.size());
  // The banner's format stands in the image as well, with a '%' for the release.
  for (std::size_t at = all.find(kBanner); at != all.npos; at = all.find(kBanner, at + 1)) {
    const std::string release = text_at(image, at + kBanner.size(), kWordEnds);
    if (!release.empty() && release.front() >= '0' && release.front() <= '9') return release;
  }
  return {};
}

}  // namespace supermachine::boot
