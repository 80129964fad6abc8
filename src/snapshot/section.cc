// SPDX-License-Identifier: Apache-2.0
#include "snapshot/section.h"

#include "base/crc32c.h"

namespace supermachine::snapshot {
namespace {

constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kChecksumAt = 12;

// Of the header before the checksum, then the body.
std::uint32_t checksum_of(std::span<const std::byte> section) {
  return crc32c(section.subspan(kSectionHeaderBytes), crc32c(section.first(kChecksumAt)));
}

Error corrupt(SectionTag tag, std::string_view why) {
  return {Errc::kCorrupt, "section " + name_of(tag) + ": " + std::string(why)};
}

}  // namespace

std::string name_of(SectionTag tag) {
  std::string name;
  for (int shift = 0; shift < 32; shift += 8) {
    const auto c = static_cast<char>(static_cast<std::uint32_t>(tag) >> shift & 0xff);
    name += c > ' ' && c <= '~' ? c : '?';
  }
  return name;
}

SectionWriter::SectionWriter(std::vector<std::byte>& out, SectionTag tag, std::uint16_t version,
                             std::uint16_t flags)
    : out_(out), start_(out.size()) {
  out_.resize(start_ + kSectionHeaderBytes);
  const auto header = std::span(out_).subspan(start_);
  store_le(header, 0, static_cast<std::uint32_t>(tag));
  store_le(header, kVersionAt, version);
  store_le(header, kFlagsAt, flags);
}

SectionWriter::~SectionWriter() { seal_section(std::span(out_).subspan(start_)); }

void seal_section(std::span<std::byte> section) {
  store_le(section, kLengthAt, static_cast<std::uint32_t>(section.size() - kSectionHeaderBytes));
  store_le(section, kChecksumAt, checksum_of(section));
}

Result<std::vector<Section>> split_sections(std::span<const std::byte> bytes) {
  std::vector<Section> sections;
  for (;;) {
    if (bytes.size() < kSectionHeaderBytes) {
      return Error(Errc::kCorrupt, sections.empty()
                                       ? "ends before its first section"
                                       : "ends after section " + name_of(sections.back().tag));
    }
    const auto tag = static_cast<SectionTag>(load_le<std::uint32_t>(bytes, 0));
    const auto length = load_le<std::uint32_t>(bytes, kLengthAt);
    if (length > bytes.size() - kSectionHeaderBytes) return corrupt(tag, "longer than the file");
    const auto section = bytes.first(kSectionHeaderBytes + length);
    bytes = bytes.subspan(section.size());
    if (load_le<std::uint32_t>(section, kChecksumAt) != checksum_of(section)) {
      return corrupt(tag, "its checksum is wrong");
    }
    if (tag == SectionTag::kEnd) {
      if (length != 0) return corrupt(tag, "is not empty");
      if (!bytes.empty()) return Error(Errc::kCorrupt, "goes on after its end section");
      return sections;
    }
    sections.push_back({.tag = tag,
                        .version = load_le<std::uint16_t>(section, kVersionAt),
                        .flags = load_le<std::uint16_t>(section, kFlagsAt),
                        .body = section.subspan(kSectionHeaderBytes)});
  }
}

}  // namespace supermachine::snapshot
