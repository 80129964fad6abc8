// SPDX-License-Identifier: Apache-2.0
// metadata.json: what a snapshot is, for people, tools and the layers above. What a machine is made
// from is in restore.snap.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine {

// Tells snapshots apart: random, made anew for each one written.
struct SnapshotId {
  std::array<std::byte, 16> bytes{};

  static Result<SnapshotId> random();
  static std::optional<SnapshotId> parse(std::string_view hex);
  [[nodiscard]] std::string hex() const;

  bool operator==(const SnapshotId&) const = default;
};

struct SnapshotMetadata {
  enum class Kind : std::uint8_t { kFull, kDiff };

  struct Image {
    std::string name = {};
    std::string digest = {};
    std::vector<std::string> env = {};  // "NAME=value"
    std::vector<std::string> entrypoint = {};
    std::vector<std::string> cmd = {};
    std::string working_dir = {};
    std::string user = {};
    std::vector<std::string> exposed_ports = {};  // "80/tcp"
    std::string stop_signal = {};
    std::map<std::string, std::string> labels = {};

    bool operator==(const Image&) const = default;
  };
  // The file behind the root device: an absolute path, or kRootfsFile in the snapshot's directory.
  // An empty path: there is no such device.
  struct Rootfs {
    std::string path = {};
    std::uint64_t size_bytes = 0;

    bool operator==(const Rootfs&) const = default;
  };
  // Of a diff: the snapshot below it. The path is absolute or relative to the diff's directory.
  struct Base {
    std::string path = {};
    SnapshotId id = {};

    bool operator==(const Base&) const = default;
  };
  // Where it was captured, and what it needs: see refusal.h.
  struct Host {
    std::string cpu_vendor = {};  // "GenuineIntel"
    std::uint64_t page_size = 4096;
    std::uint64_t tsc_khz = 0;                         // 0: not known
    std::vector<std::uint32_t> kvm_capabilities = {};  // numbers of KVM_CAP_*
    std::string guest_kernel = {};                     // its build; empty: not known

    bool operator==(const Host&) const = default;
  };
  struct Agent {
    std::vector<std::string> features = {};  // as in its HELLO
    std::string kernel_arguments = {};

    bool operator==(const Agent&) const = default;
  };

  // SnapshotWriter::finish() fills in what is marked (w).
  Kind kind = Kind::kFull;         // (w)
  SnapshotId id = {};              // (w)
  std::uint64_t created_unix = 0;  // seconds; (w) when 0
  std::uint64_t memory_mib = 0;    // (w)
  std::uint32_t vcpus = 0;         // (w)
  std::uint64_t stored_bytes = 0;  // of guest memory in this directory's memory.img; (w)
  Image image = {};
  Rootfs rootfs = {};
  std::optional<Base> base = {};  // (w)
  Host host = {};
  Agent agent = {};
  std::map<std::string, std::string> extra = {};  // opaque here

  bool operator==(const SnapshotMetadata&) const = default;
};

namespace snapshot {

// Text that is not UTF-8 comes out changed: the writer decodes what it encoded, and compares.
std::string encode_metadata(const SnapshotMetadata& metadata);

// kCorrupt with the member that is wrong, kUnsupported for a newer format version. Members that
// this version does not know are ignored.
Result<SnapshotMetadata> decode_metadata(std::string_view text);

}  // namespace snapshot
}  // namespace supermachine
