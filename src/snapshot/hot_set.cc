// SPDX-License-Identifier: Apache-2.0
#include "snapshot/hot_set.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/sys.h"
#include "snapshot/codec.h"
#include "snapshot/limits.h"
#include "snapshot/page_runs.h"
#include "snapshot/restore_file.h"

namespace supermachine {
namespace snapshot {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'S', 'M', 'H', 'O', 'T', '\r', '\n'};
constexpr std::size_t kChecksumBytesAtEnd = 4;
constexpr std::size_t kMaxHotRuns = kMaxHotSetBytes / 8;

template <typename Codec>
void fields(Codec& codec, typename Codec::template Of<HotSet>& hot_set) {
  const auto each = [](auto& inner, auto& run) { fields(inner, run); };
  codec.bytes(hot_set.snapshot.bytes);
  codec.list(hot_set.read, kMaxHotRuns, "runs", each);
  codec.list(hot_set.written, kMaxHotRuns, "runs", each);
}

Status check_disjoint(const HotSet& hot_set) {
  auto written = std::span(hot_set.written);
  for (const PageRun& read : hot_set.read) {
    while (!written.empty() && end_of(written.front()) <= read.first) written = written.subspan(1);
    if (!written.empty() && written.front().first < end_of(read)) {
      return Error(Errc::kCorrupt, "page " + std::to_string(written.front().first) +
                                       " is both only read and written");
    }
  }
  return {};
}

}  // namespace

std::vector<std::byte> encode_hot_set(const HotSet& hot_set) {
  std::vector<std::byte> out;
  Encoder encoder(out);
  encoder.bytes(std::as_bytes(std::span(kMagic)));
  encoder(kFormatVersion);
  fields(encoder, hot_set);
  encoder(crc32c(out));
  return out;
}

Result<HotSet> decode_hot_set(std::span<const std::byte> bytes, std::uint64_t memory_pages) {
  constexpr std::size_t kHead = kMagic.size() + sizeof(kFormatVersion);
  if (bytes.size() < kHead + kChecksumBytesAtEnd) return Error(Errc::kCorrupt, "ends early");
  if (!std::ranges::equal(bytes.first(kMagic.size()), std::as_bytes(std::span(kMagic)))) {
    return Error(Errc::kCorrupt, "is no hot set");
  }
  const auto sealed = bytes.first(bytes.size() - kChecksumBytesAtEnd);
  if (load_le<std::uint32_t>(bytes, sealed.size()) != crc32c(sealed)) {
    return Error(Errc::kCorrupt, "its checksum is wrong");
  }
  const auto version = load_le<std::uint32_t>(bytes, kMagic.size());
  if (version == 0) return Error(Errc::kCorrupt, "version 0");
  if (version > kFormatVersion) {
    return Error(Errc::kUnsupported, "version " + std::to_string(version) + " is newer than " +
                                         std::to_string(kFormatVersion));
  }
  HotSet hot_set;
  Decoder decoder(sealed.subspan(kHead));
  fields(decoder, hot_set);
  SM_TRY(decoder.finish());
  SM_TRY(check_runs(hot_set.read, memory_pages, "run"));
  SM_TRY(check_runs(hot_set.written, memory_pages, "run"));
  SM_TRY(check_disjoint(hot_set));
  return hot_set;
}

}  // namespace snapshot

Status store_hot_set(const std::string& directory, const HotSet& hot_set) {
  // By descriptor, so that we write into the very directory whose id we read, even if another takes
  // its place meanwhile.
  const UniqueFd dir = SM_TRY(sys::open(directory, O_RDONLY | O_DIRECTORY));
  const UniqueFd file = SM_TRY(sys::open_beneath(dir.get(), snapshot::kRestoreFile, O_RDONLY));
  std::array<std::byte, snapshot::kRestoreHeaderBytes> header{};
  SM_TRY(read_exact_at(file.get(), header, 0));
  if (SM_TRY(snapshot::decode_restore_id(header)) != hot_set.snapshot) {
    return Error(Errc::kInvalidArgument,
                 "the hot set is that of another snapshot, " + hot_set.snapshot.hex());
  }
  const auto bytes = snapshot::encode_hot_set(hot_set);
  const auto again = snapshot::decode_hot_set(bytes, snapshot::kMaxMemoryMib << 8);
  if (!again.ok()) return Error(Errc::kInvalidArgument, "hot set: " + again.error().message());
  if (again.value() != hot_set) return Error(Errc::kInvalidArgument, "hot set: page beyond 2^32");
  const std::string path =
      "/proc/self/fd/" + std::to_string(dir.get()) + "/" + snapshot::kHotSetFile;
  AtomicFile out = SM_TRY(AtomicFile::create(path, 0600));
  SM_TRY(write_all(out.fd(), bytes));
  return out.commit();
}

}  // namespace supermachine
