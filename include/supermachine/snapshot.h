// SPDX-License-Identifier: Apache-2.0
// Snapshots: running VMs kept on disk, from which others start in milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supermachine/detail/std.h"
#include "supermachine/image.h"
#include "supermachine/result.h"

namespace supermachine {

struct SnapshotOptions {
  // Copy the root file system into the snapshot, which can then be moved to another host. Default:
  // it refers to the one in the cache.
  bool include_rootfs = false;
  // Have the guest give back its page cache first: a smaller snapshot, whose VMs start colder.
  bool drop_caches = false;
  // Start one copy and run a trivial command in it, to record which pages a start touches: later
  // ones have them ready. It also proves that copies start. The workload's hook runs in it, if
  // there is one.
  bool rehearse = true;
  // How long the guest may take to prepare and to stop. Default 30 s.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

// How a snapshot was made.
struct SnapshotTimings {
  std::chrono::nanoseconds pause{};  // how long the VM stood still
  std::chrono::nanoseconds total{};
};

// What a snapshot on disk is.
struct SnapshotInfo {
  std::string directory;
  std::string id;            // 32 hex digits, its own
  bool is_diff = false;      // needs `base`
  std::string base;          // a diff's: the directory of what it is the difference to
  std::int64_t created = 0;  // seconds since 1970
  std::uint32_t memory_mib = 0;
  std::uint32_t vcpus = 0;
  std::uint64_t stored_bytes = 0;  // of guest memory, in this directory
  std::uint64_t hot_bytes = 0;     // that a start is known to touch; 0: not recorded
  std::string image_name;
  std::string image_digest;
  std::string rootfs_path;
  std::string cpu_vendor;
  std::string guest_kernel;  // its build
  ImageConfig config = {};
  // Why this host cannot restore it, each for people; empty: it can, as far as this shows.
  std::vector<std::string> problems = {};
};

// Reads the snapshot in `path` (the directory, or restore.snap in it). kNotFound, kCorrupt and
// kUnsupported say what is wrong with it.
Result<SnapshotInfo> inspect_snapshot(const std::string& path);

// Reads all of its memory and compares checksums, which restoring does not: kCorrupt names the
// place that differs.
Status verify_snapshot(const std::string& path);

}  // namespace supermachine
