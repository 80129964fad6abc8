// SPDX-License-Identifier: Apache-2.0
// Options that several verbs have in common. Knows nothing of how they are written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supermachine/pull_policy.h"

namespace supermachine::cli {

enum class Engine { kAuto, kKvm, kLab };

// The machine, and what is said of it.
struct MachineOptions {
  std::string hostname;                     // empty: the library's default, or the snapshot's
  std::optional<std::uint32_t> memory_mib;  // the same
  std::optional<std::uint32_t> vcpus;
  std::optional<std::chrono::milliseconds> boot_timeout;
  std::optional<std::chrono::milliseconds> restore_timeout;
  Engine engine = Engine::kAuto;
  bool quiet = false;
  bool bake = false;              // start from a bake of the image; make one where there is none
  bool has_own_workload = false;  // so no bake will do in which the image's runs
  PullPolicy pull = PullPolicy::kMissing;
};

// The command that runs in it.
struct CommandOptions {
  std::vector<std::string> command;                      // empty: none was given
  std::vector<std::pair<std::string, std::string>> env;  // later ones win
  std::optional<std::string> entrypoint;                 // empty: none at all
  std::string workdir;                                   // empty: the image's
  std::string user;                                      // empty: the image's
  std::optional<std::chrono::milliseconds> timeout;
};

}  // namespace supermachine::cli
