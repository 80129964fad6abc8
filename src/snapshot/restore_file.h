// SPDX-License-Identifier: Apache-2.0
// restore.snap as a whole: a header, then sections. Bytes only, no files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/page_set.h"
#include "snapshot/metadata.h"
#include "vmm/machine_state.h"

namespace supermachine::snapshot {

struct RestoreFile {
  SnapshotMetadata::Kind kind = SnapshotMetadata::Kind::kFull;
  SnapshotId id = {};
  // Of metadata.json, which belongs to this file and no other.
  std::uint64_t metadata_bytes = 0;
  std::uint32_t metadata_crc32c = 0;

  MachineState state = {};

  // What memory.img holds: in order, not touching each other. Each page lies at its own number.
  std::vector<PageRun> runs = {};
  // Of each kChecksumBytes of guest memory that a run reaches into, in order: over the pages that
  // are in runs.
  std::vector<std::uint32_t> checksums = {};
};

std::vector<std::byte> encode_restore_file(const RestoreFile& file);

// kCorrupt with section and reason; kUnsupported for a newer version of the file or of a section.
Result<RestoreFile> decode_restore_file(std::span<const std::byte> bytes);

// The start of the file alone.
Result<SnapshotId> decode_restore_id(std::span<const std::byte> bytes);
inline constexpr std::size_t kRestoreHeaderBytes = 48;

// Makes length and checksum in the header of a whole file right, after a change. For tests.
void seal_restore_header(std::span<std::byte> file);

}  // namespace supermachine::snapshot
