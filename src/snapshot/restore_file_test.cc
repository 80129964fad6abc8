// SPDX-License-Identifier: Apache-2.0
#include "snapshot/restore_file.h"

#include <gtest/gtest.h>

#include "result_matchers.h"
#include "sample_machine.h"
#include "snapshot/limits.h"
#include "snapshot/section.h"

namespace supermachine::snapshot {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFlagsAt = 12;
constexpr std::size_t kSectionsAt = 40;

RestoreFile sample() {
  RestoreFile file{.kind = SnapshotMetadata::Kind::kDiff,
                   .id = *SnapshotId::parse("000102030405060708090a0b0c0d0eff"),
                   .metadata_bytes = 1234,
                   .metadata_crc32c = 5678,
                   .state = sample_machine()};
  file.runs = {{.first = 1, .count = 2}, {.first = 200, .count = 56}};
  file.checksums = {0xabcdef01};
  return file;
}

struct Place {
  std::size_t at = 0;  // of the section's header
  SectionTag tag{};
};

std::vector<Place> places(std::span<const std::byte> bytes) {
  std::vector<Place> out;
  std::size_t at = kRestoreHeaderBytes;
  while (at < bytes.size()) {
    out.push_back({at, static_cast<SectionTag>(load_le<std::uint32_t>(bytes, at))});
    at += kSectionHeaderBytes + load_le<std::uint32_t>(bytes, at + 8);
  }
  return out;
}

// With `change` made to the section's bytes, and checksums, lengths and counts right again.
template <typename Change>
std::vector<std::byte> with_section(std::vector<std::byte> bytes, SectionTag tag, Change change) {
  const auto all = places(bytes);
  const auto found = std::ranges::find(all, tag, &Place::tag);
  const std::size_t at = found->at;
  const std::size_t end = std::next(found) == all.end() ? bytes.size() : std::next(found)->at;
  const auto offset = [&](std::size_t to) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(to);
  };
  std::vector<std::byte> section(offset(at), offset(end));
  change(section);
  for (std::size_t start = 0; start < section.size();) {
    std::size_t size = section.size() - start;
    if (section.size() == 2 * (end - at)) size = end - at;  // two of the same size
    seal_section(std::span(section).subspan(start, size));
    start += size;
  }
  bytes.erase(offset(at), offset(end));
  bytes.insert(offset(at), section.begin(), section.end());
  store_le(std::span(bytes), kSectionsAt, static_cast<std::uint32_t>(places(bytes).size()));
  seal_restore_header(bytes);
  return bytes;
}

std::vector<std::byte> without_section(const std::vector<std::byte>& bytes, SectionTag tag) {
  return with_section(bytes, tag, [](auto& section) { section.clear(); });
}

std::string why(const std::vector<std::byte>& bytes) {
  const auto result = decode_restore_file(bytes);
  return result.ok() ? "it is fine" : result.error().message();
}

TEST(RestoreFile, ComesBackAsItWas) {
  const RestoreFile before = sample();

  SM_ASSERT_OK_AND_ASSIGN(const RestoreFile after,
                          decode_restore_file(encode_restore_file(before)));

  EXPECT_EQ(after.kind, before.kind);
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.metadata_bytes, before.metadata_bytes);
  EXPECT_EQ(after.metadata_crc32c, before.metadata_crc32c);
  EXPECT_EQ(after.runs, before.runs);
  EXPECT_EQ(after.checksums, before.checksums);
  EXPECT_EQ(after.state.memory_mib, 1U);
  EXPECT_EQ(after.state.vcpus.size(), 2U);
  EXPECT_EQ(after.state.vm.clock_ns, before.state.vm.clock_ns);
  EXPECT_EQ(encode_restore_file(after), encode_restore_file(before));
}

TEST(RestoreFile, ComesBackWithoutARootDevice) {
  RestoreFile before = sample();
  before.state.root.reset();

  SM_ASSERT_OK_AND_ASSIGN(const RestoreFile after,
                          decode_restore_file(encode_restore_file(before)));

  EXPECT_FALSE(after.state.root.has_value());
}

TEST(RestoreFile, TellsItsIdFromTheHeaderAlone) {
  const auto bytes = encode_restore_file(sample());
  const auto id = decode_restore_id(std::span(bytes).first(kRestoreHeaderBytes));
  ASSERT_THAT(id, IsOk());
  EXPECT_EQ(id.value(), sample().id);
  EXPECT_THAT(decode_restore_id(std::span(bytes).first(kRestoreHeaderBytes - 1)),
              Fails(Errc::kCorrupt));
}

TEST(RestoreFile, RefusesEveryTruncation) {
  const auto bytes = encode_restore_file(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    ASSERT_THAT(decode_restore_file(cut), Fails(Errc::kCorrupt)) << length;
    if (length < kRestoreHeaderBytes) continue;
    // Also when the header tells of the shorter file.
    seal_restore_header(cut);
    ASSERT_THAT(decode_restore_file(cut), Fails(Errc::kCorrupt)) << length;
    ASSERT_THAT(why(cut), testing::AnyOf(HasSubstr("section"), HasSubstr("ends")));
  }
}

TEST(RestoreFile, RefusesEveryChangedByteAndSaysWhere) {
  const auto bytes = encode_restore_file(sample());
  const auto sections = places(bytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto changed = bytes;
    changed[at] ^= std::byte{0x10};
    const std::string reason = why(changed);
    if (at < kRestoreHeaderBytes) {
      ASSERT_THAT(reason, HasSubstr("header")) << at;
      continue;
    }
    const auto next = std::ranges::find_if(sections, [&](const Place& p) { return p.at > at; });
    const Place& section = *std::prev(next);
    const bool in_tag = at < section.at + 4;
    ASSERT_THAT(reason, HasSubstr("section " + (in_tag ? "" : name_of(section.tag)))) << at;
  }
}

TEST(RestoreFile, RefusesEachMissingSection) {
  const auto bytes = encode_restore_file(sample());
  for (const Place& place : places(bytes)) {
    if (place.tag == SectionTag::kBlock) continue;  // a machine may have no root device
    if (place.tag == SectionTag::kEnd || place.tag == SectionTag::kVcpu) continue;  // below
    EXPECT_EQ(why(without_section(bytes, place.tag)),
              "section " + name_of(place.tag) + " is missing");
  }
  EXPECT_EQ(why(without_section(bytes, SectionTag::kEnd)), "ends after section MSUM");
  const auto one_vcpu = without_section(bytes, SectionTag::kVcpu);
  EXPECT_EQ(why(without_section(one_vcpu, SectionTag::kVcpu)), "section VCPU is missing");
}

TEST(RestoreFile, RefusesASectionThatIsThereTwice) {
  const auto bytes = encode_restore_file(sample());
  for (const Place& place : places(bytes)) {
    if (place.tag == SectionTag::kVcpu || place.tag == SectionTag::kEnd) continue;
    const auto twice = with_section(bytes, place.tag, [](auto& section) {
      const auto copy = section;
      section.insert(section.end(), copy.begin(), copy.end());
    });
    EXPECT_EQ(why(twice), "section " + name_of(place.tag) + ": is there too often");
  }
}

TEST(RestoreFile, RefusesASectionWithBytesLeftOrTooFew) {
  const auto bytes = encode_restore_file(sample());
  for (const Place& place : places(bytes)) {
    const auto longer =
        with_section(bytes, place.tag, [](auto& section) { section.push_back(std::byte{0}); });
    EXPECT_THAT(why(longer), HasSubstr("section " + name_of(place.tag)));
    if (place.tag == SectionTag::kEnd) continue;  // is empty
    const auto shorter = with_section(bytes, place.tag, [](auto& section) { section.pop_back(); });
    EXPECT_THAT(why(shorter), HasSubstr("section " + name_of(place.tag)));
    EXPECT_THAT(why(shorter), HasSubstr("ends early"));
  }
}

TEST(RestoreFile, PassesOverAnUnknownSectionOnlyIfThatSaysSo) {
  constexpr auto kNew = SectionTag{tag_of("NEWS")};
  auto bytes = encode_restore_file(sample());
  const auto add = [&](std::uint16_t flags) {
    return with_section(bytes, SectionTag::kEnd, [&](auto& end) {
      std::vector<std::byte> added;
      { const SectionWriter section(added, kNew, 9, flags); }
      end.insert(end.begin(), added.begin(), added.end());
    });
  };
  EXPECT_EQ(why(add(kSkippable)), "it is fine");
  EXPECT_EQ(why(add(0)), "section NEWS: not known to this version");
  EXPECT_THAT(decode_restore_file(add(0)), Fails(Errc::kUnsupported));
}

TEST(RestoreFile, RefusesNewerVersionsAsUnsupported) {
  auto bytes = encode_restore_file(sample());
  const auto newer = with_section(bytes, SectionTag::kClock, [](auto& section) {
    store_le<std::uint16_t>(std::span(section), 4, 2);
  });
  EXPECT_THAT(decode_restore_file(newer), Fails(Errc::kUnsupported));
  EXPECT_EQ(why(newer), "section CLCK: version 2 is newer than 1");

  store_le(std::span(bytes), kVersionAt, kFormatVersion + 1);
  seal_restore_header(bytes);
  EXPECT_THAT(decode_restore_file(bytes), Fails(Errc::kUnsupported));

  store_le(std::span(bytes), kVersionAt, kFormatVersion);
  store_le(std::span(bytes), kFlagsAt, std::uint32_t{2});
  seal_restore_header(bytes);
  EXPECT_THAT(decode_restore_file(bytes), Fails(Errc::kUnsupported));
}

TEST(RestoreFile, RefusesVersionZero) {
  auto bytes = encode_restore_file(sample());
  const auto section = with_section(bytes, SectionTag::kPit,
                                    [](auto& s) { store_le<std::uint16_t>(std::span(s), 4, 0); });
  EXPECT_EQ(why(section), "section PITS: version 0");
  store_le(std::span(bytes), kVersionAt, std::uint32_t{0});
  seal_restore_header(bytes);
  EXPECT_THAT(decode_restore_file(bytes), Fails(Errc::kCorrupt));
}

TEST(RestoreFile, RefusesRunsThatCannotBe) {
  const std::vector<std::vector<PageRun>> bad = {
      {{.first = 1, .count = 0}},
      {{.first = 255, .count = 2}},  // memory is 256 pages
      {{.first = 0xffff'ffff, .count = 0xffff'ffff}},
      {{.first = 5, .count = 2}, {.first = 6, .count = 2}},  // overlap
      {{.first = 5, .count = 2}, {.first = 7, .count = 2}},  // touch
      {{.first = 9, .count = 2}, {.first = 5, .count = 2}},  // order
  };
  for (const auto& runs : bad) {
    RestoreFile file = sample();
    file.runs = runs;
    EXPECT_THAT(why(encode_restore_file(file)), HasSubstr("section MEMR: the run at page "));
  }
  RestoreFile file = sample();
  file.runs.resize(kMaxRuns + 1);
  EXPECT_THAT(why(encode_restore_file(file)), HasSubstr("section MEMR: 4097 runs"));
}

TEST(RestoreFile, RefusesAnotherNumberOfChecksumsThanRunsNeed) {
  RestoreFile file = sample();
  file.checksums.push_back(1);
  EXPECT_EQ(why(encode_restore_file(file)), "section MSUM: 2 checksums instead of 1");
  file.checksums.clear();
  EXPECT_EQ(why(encode_restore_file(file)), "section MSUM: 0 checksums instead of 1");
}

TEST(RestoreFile, RefusesSizesNoMachineHas) {
  RestoreFile file = sample();
  file.state.memory_mib = 0;
  EXPECT_THAT(why(encode_restore_file(file)), HasSubstr("section MACH"));
  file.state.memory_mib = kMaxMemoryMib + 1;
  EXPECT_THAT(why(encode_restore_file(file)), HasSubstr("section MACH"));
  file = sample();
  file.state.vcpus.assign(kMaxVcpus + 1, kvm::VcpuState());
  EXPECT_THAT(why(encode_restore_file(file)), HasSubstr("section VCPU 256: is there too often"));
}

}  // namespace
}  // namespace supermachine::snapshot
