// Options that several verbs have in common. Knows nothing of how they are written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
