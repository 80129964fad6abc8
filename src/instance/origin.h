// SPDX-License-Identifier: Apache-2.0
// A snapshot that copies are made of, with what they share.
#pragma once

#include <memory>
#include <string>

#include "memory/read_ahead.h"
#include "memory/rewind.h"
#include "snapshot/snapshot.h"

namespace supermachine {

// Immutable: threads share it freely.
class Origin {
 public:
  static Result<std::shared_ptr<const Origin>> create(std::shared_ptr<const Snapshot> snapshot) {
    auto pages = SM_TRY(ImagePages::create(snapshot->memory()));
    // What the first copy will touch is on its way from the disk when there is one.
    if (const auto& hot = snapshot->hot_set()) {
      read_ahead(snapshot->memory(), hot->written);
      read_ahead(snapshot->memory(), hot->read);
    }
    return std::shared_ptr<const Origin>(new Origin(std::move(snapshot), std::move(pages)));
  }

  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  [[nodiscard]] const MachineState& state() const { return snapshot_->state(); }
  [[nodiscard]] const ImagePages& pages() const { return *pages_; }
  // The pages that a start is known to write.
  [[nodiscard]] const PageSet& hot_written() const { return hot_written_; }

 private:
  Origin(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const ImagePages> pages)
      : snapshot_(std::move(snapshot)),
        pages_(std::move(pages)),
        hot_written_(snapshot_->memory().size_bytes / kPageSize) {
    if (const auto& hot = snapshot_->hot_set()) {
      for (const PageRun run : hot->written) hot_written_.insert_run(run);
    }
  }

  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const ImagePages> pages_;
  PageSet hot_written_;
};

}  // namespace supermachine
