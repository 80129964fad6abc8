// SPDX-License-Identifier: Apache-2.0
// The store of bakes: a directory with a snapshot in each of its directories. That there is no
// other state makes it safe to copy, and to delete parts of by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bake/bake_record.h"
#include "base/deadline.h"
#include "base/files.h"
#include "snapshot/metadata.h"
#include "snapshot/staging.h"

namespace supermachine::bake {

struct StoredBake {
  std::string name;
  std::string directory;
  BakeRecord record = {};
  SnapshotMetadata metadata = {};
  std::uint64_t disk_bytes = 0;  // that its files occupy
  std::int64_t last_used = 0;    // seconds since 1970
};

// Values: any thread, any number of processes.
class Store {
 public:
  explicit Store(std::string dir) : dir_(std::move(dir)) {}

  [[nodiscard]] std::string path_of(const std::string& name) const { return dir_ + "/" + name; }
  [[nodiscard]] const std::string& dir() const noexcept { return dir_; }

  // nullopt when there is no whole bake of that name.
  [[nodiscard]] std::optional<StoredBake> find(const std::string& name) const;
  // The same without looking at its files' sizes.
  [[nodiscard]] std::optional<BakeRecord> record_of(const std::string& name) const;
  // Sorted by name.
  [[nodiscard]] Result<std::vector<StoredBake>> list() const;

  // Who makes or removes the bake of that name holds this meanwhile. Makes the store's directory.
  [[nodiscard]] Result<FileLock> lock(const std::string& name, Deadline deadline) const;

  // Notes that it was used. What keeps it from being noted is no reason not to use it.
  void touch(const std::string& name) const;

  // With its base, if it was warmed up from one. kNotFound. VMs that run go on.
  Status remove(const std::string& name, Deadline deadline) const;

  // Clears up after bakes and removals that did not get to their end: nothing that somebody works
  // on.
  [[nodiscard]] snapshot::Removed remove_remains() const;

 private:
  std::string dir_;
};

// What a bake is made from that is warmed up then; beside it in the store.
[[nodiscard]] std::string base_name_of(const std::string& name);
[[nodiscard]] bool is_base_name(const std::string& name);

}  // namespace supermachine::bake
