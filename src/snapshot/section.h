// SPDX-License-Identifier: Apache-2.0
// The sections of restore.snap: tagged, versioned, with a length and a checksum each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/endian.h"

namespace supermachine::snapshot {

// Four readable characters, so a hex dump explains itself.
constexpr std::uint32_t tag_of(const char (&name)[5]) {
  std::uint32_t tag = 0;
  for (int i = 3; i >= 0; --i) tag = tag << 8 | static_cast<std::uint8_t>(name[i]);
  return tag;
}

enum class SectionTag : std::uint32_t {
  kMetadata = tag_of("META"),
  kMachine = tag_of("MACH"),
  kVcpu = tag_of("VCPU"),
  kIrqchips = tag_of("IRQC"),
  kPit = tag_of("PITS"),
  kClock = tag_of("CLCK"),
  kSerial = tag_of("SERL"),
  kBlock = tag_of("BLKD"),
  kVsock = tag_of("VSCK"),
  kRng = tag_of("RNGD"),
  kMemoryRuns = tag_of("MEMR"),
  kMemoryChecksums = tag_of("MSUM"),
  kEnd = tag_of("ENDS"),
};

std::string name_of(SectionTag tag);  // "VCPU"; "?" for each character that is none

// In a section's flags: who does not know the tag passes over it.
inline constexpr std::uint16_t kSkippable = 1;

struct Section {
  SectionTag tag{};
  std::uint16_t version = 0;
  std::uint16_t flags = 0;
  std::span<const std::byte> body;
};

// tag u32, version u16, flags u16, length u32, checksum u32.
inline constexpr std::size_t kSectionHeaderBytes = 16;

// From construction to destruction, what is appended to `out` is the section's body.
class SectionWriter {
 public:
  SectionWriter(std::vector<std::byte>& out, SectionTag tag, std::uint16_t version,
                std::uint16_t flags = 0);
  ~SectionWriter();  // fills in length and checksum
  SectionWriter(const SectionWriter&) = delete;
  SectionWriter& operator=(const SectionWriter&) = delete;

 private:
  std::vector<std::byte>& out_;
  const std::size_t start_;
};

// All sections of `bytes`, which must end with, and only with, an end section. kCorrupt naming the
// section whose length or checksum is wrong.
Result<std::vector<Section>> split_sections(std::span<const std::byte> bytes);

// Makes length and checksum of the section at the start of `bytes` right. For the fuzzer.
void seal_section(std::span<std::byte> section);

}  // namespace supermachine::snapshot
