// SPDX-License-Identifier: Apache-2.0
// What a snapshot's metadata says of the bake that made it, in `extra`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace supermachine::bake {

// What becomes of the workload, the program that the image is for, in a VM of the snapshot.
enum class WorkloadMode : std::uint8_t {
  kNone,    // nothing: commands are run in it
  kStarts,  // it is started in each
  kRuns,    // it was running when the snapshot was made
};

// What a VM needs to know, also of a snapshot that somebody made from a bake.
struct WorkloadTraits {
  WorkloadMode mode = WorkloadMode::kNone;
  std::uint16_t guest_port = 0;  // where the workload listens; 0: not known

  bool operator==(const WorkloadTraits&) const = default;
};

struct BakeRecord {
  std::string key;         // bake_key() or warm_key(); empty: the snapshot is no bake
  std::string identity;    // bake_identity()
  std::string reference;   // the image as it was asked for
  std::string warmup_tag;  // with a warm-up; may be empty all the same
  bool is_warm = false;
  std::string version;  // of the supermachine that made it
  WorkloadTraits workload;

  bool operator==(const BakeRecord&) const = default;
};

using Extra = std::map<std::string, std::string>;

[[nodiscard]] Extra to_extra(const BakeRecord& record);
[[nodiscard]] Extra to_extra(const WorkloadTraits& workload);
// What is missing or makes no sense is left at its default: it comes from a file.
[[nodiscard]] BakeRecord bake_record_of(const Extra& extra);

}  // namespace supermachine::bake
