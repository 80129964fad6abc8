// SPDX-License-Identifier: Apache-2.0
// What every VM needs besides an image: a kernel and the guest agent. They are files, or bytes
// inside the program (docs/guide/assets.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supermachine/result.h"

namespace supermachine {

// An empty path stands for the bytes inside the program.
struct AssetPaths {
  // A Linux vmlinux (boots faster) or bzImage, built with guest/kernel's options.
  std::string kernel;
  // The static program that becomes the guest's first process. Of our version: a start refuses
  // every other.
  std::string agent;

  // The files `kernel` and `supermachine-agent` in `dir`. kNotFound names what is missing,
  // kInvalidArgument an agent of another version.
  static Result<AssetPaths> from_dir(const std::string& dir);

  // The bytes inside the program; kNotFound when it was built without.
  static Result<AssetPaths> bundled();

  // What is usable of the first of these places: $SUPERMACHINE_ASSETS_DIR (alone, when set), the
  // directory of the running program, ~/.local/share/supermachine, inside the program.
  static Result<AssetPaths> discover();
};

// One place where AssetPaths::discover() looks.
struct AssetPlace {
  std::string what;       // "SUPERMACHINE_ASSETS_DIR", "beside the program",
                          // "~/.local/share/supermachine", "inside the program"
  std::string directory;  // empty: inside the program, or a variable that names none is not set
  std::string problem;    // why it is passed over; empty: usable
  bool chosen = false;    // the first that is usable
};

// All of them, in the order of discovery.
std::vector<AssetPlace> list_asset_places();

struct AssetInfo {
  std::string name;  // "kernel", "agent"
  std::string path;  // empty: inside the program
  std::uint64_t bytes = 0;
  std::string version;  // the kernel's of Linux, the agent's of supermachine; empty: it tells none
  std::string build;    // a build id in hex, or a bzImage's version string; empty: it has none
};

// What lies there, kernel first. kNotFound names what does not.
Result<std::vector<AssetInfo>> inspect_assets(const AssetPaths& assets);

}  // namespace supermachine
