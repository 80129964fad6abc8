// SPDX-License-Identifier: Apache-2.0
#include "snapshot/restore_file.h"

#include <algorithm>
#include <array>

#include "base/crc32c.h"
#include "snapshot/limits.h"
#include "snapshot/memory_checksum.h"
#include "snapshot/page_runs.h"
#include "snapshot/section.h"
#include "snapshot/state_codec.h"

namespace supermachine::snapshot {
namespace {

// Not text, and broken by whatever translates line ends.
constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'S', 'M', 'S', 'N', 'P', '\r', '\n'};

// The header. Between the id and the checksum: the file's length and how many sections it has.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFlagsAt = 12;
constexpr std::size_t kIdAt = 16;
constexpr std::size_t kLengthAt = 32;
constexpr std::size_t kSectionsAt = 40;
constexpr std::size_t kChecksumAt = 44;
constexpr std::uint32_t kFlagDiff = 1;

constexpr std::uint16_t kSectionVersion = 1;  // of all sections so far

constexpr std::uint64_t kPagesPerMib = (1 << 20) / kPageSize;
constexpr std::size_t kMaxChecksums = kMaxMemoryMib * ((1 << 20) / kChecksumBytes);

template <typename Codec, typename T>
using Of = typename Codec::template Of<T>;

template <typename Codec>
void metadata_fields(Codec& codec, Of<Codec, RestoreFile>& file) {
  codec(file.metadata_bytes, file.metadata_crc32c);
}

template <typename Codec>
void machine_fields(Codec& codec, Of<Codec, RestoreFile>& file) {
  codec(file.state.memory_mib);
  codec.check(file.state.memory_mib >= 1 && file.state.memory_mib <= kMaxMemoryMib,
              "no such memory size");
}

template <typename Codec>
void run_fields(Codec& codec, Of<Codec, RestoreFile>& file) {
  codec.list(file.runs, kMaxRuns, "runs", [](auto& inner, auto& run) { fields(inner, run); });
}

template <typename Codec>
void checksum_fields(Codec& codec, Of<Codec, RestoreFile>& file) {
  codec.list(file.checksums, kMaxChecksums, "checksums",
             [](auto& inner, auto& checksum) { inner(checksum); });
}

// What this version can read: the only list of it.
struct KnownSection {
  SectionTag tag;
  enum class Times : std::uint8_t { kOnce, kOnceOrNot, kOnceOrMore } times;
  void (*decode)(Decoder&, RestoreFile&);
};
using enum KnownSection::Times;

constexpr KnownSection kKnown[] = {
    {SectionTag::kMetadata, kOnce, [](auto& in, auto& file) { metadata_fields(in, file); }},
    {SectionTag::kMachine, kOnce, [](auto& in, auto& file) { machine_fields(in, file); }},
    {SectionTag::kVcpu, kOnceOrMore,
     [](auto& in, auto& file) { decode(in, file.state.vcpus.emplace_back()); }},
    {SectionTag::kIrqchips, kOnce,
     [](auto& in, auto& file) { decode(in, file.state.vm.irqchips); }},
    {SectionTag::kPit, kOnce, [](auto& in, auto& file) { decode(in, file.state.vm.pit); }},
    {SectionTag::kClock, kOnce, [](auto& in, auto& file) { in(file.state.vm.clock_ns); }},
    {SectionTag::kSerial, kOnce, [](auto& in, auto& file) { decode(in, file.state.serial); }},
    {SectionTag::kBlock, kOnceOrNot,
     [](auto& in, auto& file) { decode(in, file.state.root.emplace()); }},
    {SectionTag::kVsock, kOnce, [](auto& in, auto& file) { decode(in, file.state.vsock); }},
    {SectionTag::kRng, kOnce, [](auto& in, auto& file) { decode(in, file.state.rng); }},
    {SectionTag::kMemoryRuns, kOnce, [](auto& in, auto& file) { run_fields(in, file); }},
    {SectionTag::kMemoryChecksums, kOnce, [](auto& in, auto& file) { checksum_fields(in, file); }},
};

Status decode_section(const Section& section, std::size_t seen, RestoreFile& file) {
  const auto* known = std::ranges::find(kKnown, section.tag, &KnownSection::tag);
  if (known == std::end(kKnown)) {
    if ((section.flags & kSkippable) != 0) return {};
    return Error(Errc::kUnsupported, "not known to this version");
  }
  if (section.version == 0) return Error(Errc::kCorrupt, "version 0");
  if (section.version > kSectionVersion) {
    return Error(Errc::kUnsupported, "version " + std::to_string(section.version) +
                                         " is newer than " + std::to_string(kSectionVersion));
  }
  if (seen >= (known->times == kOnceOrMore ? kMaxVcpus : 1)) {
    return Error(Errc::kCorrupt, "is there too often");
  }
  Decoder decoder(section.body);
  known->decode(decoder, file);
  return decoder.finish();
}

Status decode_sections(std::span<const Section> sections, RestoreFile& file) {
  std::array<std::size_t, std::size(kKnown)> seen{};
  for (const Section& section : sections) {
    const auto* known = std::ranges::find(kKnown, section.tag, &KnownSection::tag);
    std::size_t unknown = 0;
    std::size_t& times =
        known == std::end(kKnown) ? unknown : seen[static_cast<std::size_t>(known - kKnown)];
    auto done = decode_section(section, times, file);
    if (!done.ok()) {
      return std::move(done).error().with(
          "section " + name_of(section.tag) +
          (section.tag == SectionTag::kVcpu ? " " + std::to_string(times) : ""));
    }
    ++times;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] == 0 && kKnown[i].times != kOnceOrNot) {
      return Error(Errc::kCorrupt, "section " + name_of(kKnown[i].tag) + " is missing");
    }
  }
  return {};
}

Status check_memory(const RestoreFile& file) {
  const auto in_order = check_runs(file.runs, file.state.memory_mib * kPagesPerMib, "the run");
  if (!in_order.ok()) return Error(in_order.error()).with("section MEMR");
  if (file.checksums.size() != checksum_count(file.runs)) {
    return Error(Errc::kCorrupt, "section MSUM: " + std::to_string(file.checksums.size()) +
                                     " checksums instead of " +
                                     std::to_string(checksum_count(file.runs)));
  }
  return {};
}

Status check_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kRestoreHeaderBytes) return Error(Errc::kCorrupt, "ends within its header");
  if (!std::ranges::equal(bytes.first(kMagic.size()), std::as_bytes(std::span(kMagic)))) {
    return Error(Errc::kCorrupt, "header: is no snapshot");
  }
  if (load_le<std::uint32_t>(bytes, kChecksumAt) != crc32c(bytes.first(kChecksumAt))) {
    return Error(Errc::kCorrupt, "header: its checksum is wrong");
  }
  const auto version = load_le<std::uint32_t>(bytes, kVersionAt);
  if (version == 0) return Error(Errc::kCorrupt, "header: version 0");
  if (version > kFormatVersion) {
    return Error(Errc::kUnsupported, "format version " + std::to_string(version) +
                                         " is newer than " + std::to_string(kFormatVersion));
  }
  if ((load_le<std::uint32_t>(bytes, kFlagsAt) & ~kFlagDiff) != 0) {
    return Error(Errc::kUnsupported, "header: has flags that this version does not know");
  }
  return {};
}

SnapshotId header_id(std::span<const std::byte> bytes) {
  SnapshotId id;
  std::ranges::copy(bytes.subspan(kIdAt, id.bytes.size()), id.bytes.begin());
  return id;
}

template <typename Write>
void put_section(std::vector<std::byte>& out, SectionTag tag, Write write) {
  const SectionWriter section(out, tag, kSectionVersion);
  Encoder encoder(out);
  write(encoder);
}

// Returns how many.
std::uint32_t put_sections(std::vector<std::byte>& out, const RestoreFile& file) {
  std::uint32_t count = 0;
  const auto put = [&](SectionTag tag, auto write) {
    put_section(out, tag, write);
    ++count;
  };
  const MachineState& state = file.state;
  put(SectionTag::kMetadata, [&](Encoder& e) { metadata_fields(e, file); });
  put(SectionTag::kMachine, [&](Encoder& e) { machine_fields(e, file); });
  for (const kvm::VcpuState& vcpu : state.vcpus) {
    put(SectionTag::kVcpu, [&](Encoder& e) { encode(e, vcpu); });
  }
  put(SectionTag::kIrqchips, [&](Encoder& e) { encode(e, state.vm.irqchips); });
  put(SectionTag::kPit, [&](Encoder& e) { encode(e, state.vm.pit); });
  put(SectionTag::kClock, [&](Encoder& e) { e(state.vm.clock_ns); });
  put(SectionTag::kSerial, [&](Encoder& e) { encode(e, state.serial); });
  if (state.root) {
    put(SectionTag::kBlock, [&](Encoder& e) { encode(e, *state.root); });
  }
  put(SectionTag::kVsock, [&](Encoder& e) { encode(e, state.vsock); });
  put(SectionTag::kRng, [&](Encoder& e) { encode(e, state.rng); });
  put(SectionTag::kMemoryRuns, [&](Encoder& e) { run_fields(e, file); });
  put(SectionTag::kMemoryChecksums, [&](Encoder& e) { checksum_fields(e, file); });
  put(SectionTag::kEnd, [](Encoder&) {});
  return count;
}

}  // namespace

std::vector<std::byte> encode_restore_file(const RestoreFile& file) {
  std::vector<std::byte> out(kRestoreHeaderBytes);
  const std::uint32_t sections = put_sections(out, file);
  const auto header = std::span(out);
  std::ranges::copy(std::as_bytes(std::span(kMagic)), header.begin());
  store_le(header, kVersionAt, kFormatVersion);
  store_le(header, kFlagsAt, file.kind == SnapshotMetadata::Kind::kDiff ? kFlagDiff : 0);
  std::ranges::copy(file.id.bytes, header.subspan(kIdAt).begin());
  store_le(header, kSectionsAt, sections);
  seal_restore_header(out);
  return out;
}

void seal_restore_header(std::span<std::byte> file) {
  store_le(file, kLengthAt, std::uint64_t{file.size()});
  store_le(file, kChecksumAt, crc32c(file.first(kChecksumAt)));
}

Result<RestoreFile> decode_restore_file(std::span<const std::byte> bytes) {
  SM_TRY(check_header(bytes));
  if (load_le<std::uint64_t>(bytes, kLengthAt) != bytes.size()) {
    return Error(Errc::kCorrupt, "header: " + std::to_string(bytes.size()) + " bytes instead of " +
                                     std::to_string(load_le<std::uint64_t>(bytes, kLengthAt)));
  }
  const auto sections = SM_TRY(split_sections(bytes.subspan(kRestoreHeaderBytes)));
  if (load_le<std::uint32_t>(bytes, kSectionsAt) != sections.size() + 1) {
    return Error(Errc::kCorrupt, "header: another number of sections than there are");
  }
  RestoreFile file;
  file.kind = (load_le<std::uint32_t>(bytes, kFlagsAt) & kFlagDiff) != 0
                  ? SnapshotMetadata::Kind::kDiff
                  : SnapshotMetadata::Kind::kFull;
  file.id = header_id(bytes);
  SM_TRY(decode_sections(sections, file));
  SM_TRY(check_memory(file));
  return file;
}

Result<SnapshotId> decode_restore_id(std::span<const std::byte> bytes) {
  SM_TRY(check_header(bytes));
  return header_id(bytes);
}

}  // namespace supermachine::snapshot
