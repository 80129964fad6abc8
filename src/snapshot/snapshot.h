// SPDX-License-Identifier: Apache-2.0
// A snapshot on disk, opened: everything in it read and checked but the bytes of guest memory,
// which are only to be mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handles.h"
#include "memory/memory_image.h"
#include "snapshot/hot_set.h"
#include "snapshot/metadata.h"
#include "snapshot/restore_file.h"
#include "vmm/machine_state.h"

namespace supermachine {

// Immutable, so threads share one freely: as long as any machine may still be restored from it.
class Snapshot {
 public:
  // `path`: the directory, or restore.snap in it. A diff opens its bases too. kCorrupt naming file,
  // section and reason for what no writer of ours wrote; kUnsupported for a newer format.
  static Result<std::shared_ptr<const Snapshot>> open(const std::string& path);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] const SnapshotId& id() const noexcept { return metadata_.id; }
  [[nodiscard]] const SnapshotMetadata& metadata() const noexcept { return metadata_; }
  [[nodiscard]] const MachineState& state() const noexcept { return file_.state; }
  // Runs of this snapshot over those of its bases. The files are ours: map them while we live.
  [[nodiscard]] const MemoryImage& memory() const noexcept { return memory_; }
  [[nodiscard]] const std::optional<HotSet>& hot_set() const noexcept { return hot_set_; }
  [[nodiscard]] const std::shared_ptr<const Snapshot>& base() const noexcept { return base_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  // Absolute, or below directory(); empty when there is none.
  [[nodiscard]] std::string rootfs_path() const;

  // Reads memory.img, and those of the bases, and compares checksums: kCorrupt naming the place.
  [[nodiscard]] Status verify() const;

 private:
  Snapshot() = default;
  static Result<std::shared_ptr<const Snapshot>> open_chain(const std::string& directory,
                                                            std::size_t bases_left);
  Status read(int directory, std::size_t bases_left);
  Status read_state(int directory);
  Status read_hot_set(int directory);
  Status open_memory(int directory);
  Status open_base(std::size_t bases_left);

  std::string directory_;
  SnapshotMetadata metadata_;
  snapshot::RestoreFile file_;
  UniqueFd memory_file_;
  std::optional<HotSet> hot_set_;
  std::shared_ptr<const Snapshot> base_;  // shared with whoever opened it; its files are in memory_
  MemoryImage memory_;
};

}  // namespace supermachine
