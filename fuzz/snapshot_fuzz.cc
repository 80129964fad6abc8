// SPDX-License-Identifier: Apache-2.0
// The decoders of a snapshot's files. The first byte of the input chooses one. Checksums, lengths
// and counts are made right first, or no mutation would get past them. Properties: what decodes
// encodes to bytes that decode to the same, and runs lie in the memory.
#include <algorithm>
#include <cstdlib>

#include "base/crc32c.h"
#include "base/endian.h"
#include "memory/memory_image.h"
#include "snapshot/hot_set.h"
#include "snapshot/limits.h"
#include "snapshot/metadata.h"
#include "snapshot/page_runs.h"
#include "snapshot/restore_file.h"
#include "snapshot/section.h"

namespace {

using namespace supermachine;
using namespace supermachine::snapshot;

constexpr std::uint64_t kHotSetPages = 1 << 16;

// Only the input's claims about itself are changed: each section keeps its tag, version, flags and
// as much of its body as there is.
void mend_restore_file(std::vector<std::byte>& bytes) {
  constexpr std::size_t kSectionsAt = 40;
  constexpr std::size_t kLengthAt = 8;
  if (bytes.size() < kRestoreHeaderBytes) return;
  std::uint32_t sections = 0;
  std::size_t at = kRestoreHeaderBytes;
  while (bytes.size() - at >= kSectionHeaderBytes) {
    const std::size_t room = bytes.size() - at - kSectionHeaderBytes;
    const std::size_t length =
        std::min<std::size_t>(room, load_le<std::uint32_t>(bytes, at + kLengthAt));
    seal_section(std::span(bytes).subspan(at, kSectionHeaderBytes + length));
    at += kSectionHeaderBytes + length;
    ++sections;
  }
  bytes.resize(at);
  store_le(std::span(bytes), kSectionsAt, sections);
  seal_restore_header(bytes);
}

void check_restore_file(std::vector<std::byte> bytes) {
  mend_restore_file(bytes);
  const auto file = decode_restore_file(bytes);
  if (!file.ok()) return;
  const std::uint64_t pages = file.value().state.memory_mib * ((1 << 20) / kPageSize);
  for (const PageRun& run : file.value().runs) {
    if (run.count == 0 || end_of(run) > pages) std::abort();
  }
  const auto encoded = encode_restore_file(file.value());
  const auto again = decode_restore_file(encoded);
  if (!again.ok() || encode_restore_file(again.value()) != encoded) std::abort();
}

void check_metadata(std::string_view text) {
  const auto metadata = decode_metadata(text);
  if (!metadata.ok()) return;
  const auto again = decode_metadata(encode_metadata(metadata.value()));
  if (!again.ok() || again.value() != metadata.value()) std::abort();
}

void check_hot_set(std::vector<std::byte> bytes) {
  if (bytes.size() >= sizeof(std::uint32_t)) {
    const std::size_t sealed = bytes.size() - sizeof(std::uint32_t);
    store_le(std::span(bytes), sealed, crc32c(std::span(bytes).first(sealed)));
  }
  const auto hot_set = decode_hot_set(bytes, kHotSetPages);
  if (hot_set.ok() && encode_hot_set(hot_set.value()) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto rest = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0]) {
    case 'r':
      check_restore_file({rest.begin(), rest.end()});
      break;
    case 'm':
      check_metadata({reinterpret_cast<const char*>(rest.data()), rest.size()});
      break;
    case 'h':
      check_hot_set({rest.begin(), rest.end()});
      break;
    default:
      break;
  }
  return 0;
}
