// SPDX-License-Identifier: Apache-2.0
// Writes a snapshot: into a directory beside the target, which takes the target's place in one step
// when all of it is on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/page_set.h"
#include "snapshot/snapshot.h"
#include "snapshot/staging.h"

namespace supermachine {

struct SnapshotWriterConfig {
  std::uint64_t memory_mib = 0;
  // For a diff: what it is the difference to.
  std::shared_ptr<const Snapshot> base = {};
};

// One thread at a time. Without finish(), nothing is left behind.
class SnapshotWriter {
 public:
  // `target` is a directory to be: absent, empty, or a snapshot, which will be replaced.
  // kInvalidArgument when it holds anything else.
  static Result<SnapshotWriter> create(const std::string& target, SnapshotWriterConfig config);

  // Guest memory at `offset` (as one piece, without the hole below 4 GiB): whole pages, in any
  // order; what is written later replaces what was written before. Pages of a full snapshot that
  // are never written are zero; those of a diff are the base's. Zeroes take no space on disk.
  Status write_pages(std::uint64_t offset, std::span<const std::byte> bytes);

  // Makes a copy of the file at `path` part of the snapshot: its root file system from now on.
  Status include_rootfs(const std::string& path);

  [[nodiscard]] const SnapshotId& id() const noexcept { return id_; }

  // Publishes. kInvalidArgument for a state or metadata that no reader would take. Once only.
  // Before it is published, `rehearse` gets the directory of a snapshot that is whole, and may add
  // to it or fail, in which case nothing is published.
  using Rehearse = std::function<Status(const std::string& directory)>;
  Status finish(SnapshotMetadata metadata, const MachineState& state,
                const Rehearse& rehearse = {});

 private:
  SnapshotWriter(SnapshotId id, SnapshotWriterConfig config, snapshot::Staging staging,
                 UniqueFd memory_file);
  [[nodiscard]] bool is_diff() const noexcept { return config_.base != nullptr; }

  Status write_stretch(std::uint64_t offset, std::span<const std::byte> bytes, bool zero);
  Status clear_stretch(PageRun pages);
  Result<std::vector<PageRun>> settle_runs();
  Status fill_gaps(std::span<const PageRun> runs);
  Status copy_from_base(PageRun gap);
  [[nodiscard]] Status complete(SnapshotMetadata& metadata, const MachineState& state) const;
  [[nodiscard]] std::string base_path() const;

  SnapshotId id_;
  SnapshotWriterConfig config_;
  snapshot::Staging staging_;
  UniqueFd memory_file_;
  std::optional<SnapshotMetadata::Rootfs> rootfs_;
  PageSet base_;    // pages that runs of the base cover
  PageSet known_;   // pages to be in a run: not zero, or zero where the base may not be
  PageSet stored_;  // pages with bytes in the file
};

}  // namespace supermachine
