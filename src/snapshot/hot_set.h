// SPDX-License-Identifier: Apache-2.0
// hot.set: the pages that the first moments after a restore touch, so that the next restore can
// have them ready. Advice only: a snapshot without it is whole.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "memory/page_set.h"
#include "snapshot/metadata.h"

namespace supermachine {

struct HotSet {
  SnapshotId snapshot = {};  // whose
  // In order, not touching each other; no page is in both.
  std::vector<PageRun> read = {};     // only read
  std::vector<PageRun> written = {};  // written, perhaps read before

  bool operator==(const HotSet&) const = default;
};

// Writes hot.set of the snapshot in `directory`, replacing the one there in one step. A Snapshot
// that is open keeps what it read. kInvalidArgument for a hot set of another snapshot or runs
// that are out of order.
Status store_hot_set(const std::string& directory, const HotSet& hot_set);

namespace snapshot {

std::vector<std::byte> encode_hot_set(const HotSet& hot_set);
// kCorrupt, also for a page at or beyond `memory_pages`; kUnsupported for a newer version.
Result<HotSet> decode_hot_set(std::span<const std::byte> bytes, std::uint64_t memory_pages);

}  // namespace snapshot
}  // namespace supermachine
