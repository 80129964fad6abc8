// SPDX-License-Identifier: Apache-2.0
// What a bake is made from. Two bakes with the same key are the same to their users, so one is made
// and the other found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::bake {

// A file of the host that the guest gets beside its image.
struct ExtraFile {
  std::string host_path;
  std::string guest_path;  // absolute
  std::uint32_t mode = 0;  // permission bits, as on the host
  std::string sha256;      // of its content, hex

  // Reads it once. kInvalidArgument for what is no regular file, or a guest path that cannot be.
  static Result<ExtraFile> read(std::string host_path, std::string guest_path);
};

struct BakeInputs {
  std::string version;       // of supermachine
  std::string image_digest;  // of the manifest: it stands for layers and configuration
  std::string rootfs_key;    // what the cache knows the root file system by
  std::string platform;
  std::vector<std::string> env = {};                 // what was added to the image's
  std::optional<std::vector<std::string>> cmd = {};  // in place of the image's entrypoint and cmd
  std::uint32_t memory_mib = 0;
  std::uint32_t vcpus = 0;
  std::uint16_t guest_port = 0;  // 0: nobody said
  bool waits_for_listener = false;
  std::vector<std::string> kernel_args = {};
  std::vector<ExtraFile> extra_files = {};
  std::string kernel_id;  // the guest's kernel, its build
  std::string agent_id;   // the guest's agent, its build
};

// 64 hexadecimal digits. Bakes with the same one are of the same image, for the same kernel and
// agent, by the same version.
[[nodiscard]] std::string bake_identity(const BakeInputs& inputs);

// 64 hexadecimal digits, from all of the above and the version of what we make of it; not from
// where on the host a file lies.
[[nodiscard]] std::string bake_key(const BakeInputs& inputs);

// Of a bake that was warmed up from the bake `base_key`. Without a tag the warm-up is as old as its
// base.
[[nodiscard]] std::string warm_key(const std::string& base_key, const std::string& tag);

}  // namespace supermachine::bake
