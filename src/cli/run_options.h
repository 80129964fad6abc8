// What `supermachine run` was asked for, read from its arguments. Knows nothing of images and VMs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/verbs.h"

namespace supermachine::cli {

enum class Engine { kAuto, kKvm, kLab };

struct RunOptions {
  std::string image;
  std::vector<std::string> command;  // empty: the image's own
  bool interactive = false;
  bool tty = false;
  std::vector<std::pair<std::string, std::string>> env;  // later ones win
  std::optional<std::string> entrypoint;                 // empty: none at all
  std::string workdir;                                   // empty: the image's
  std::string user;                                      // empty: the image's
  std::string hostname;                                  // empty: the library's default
  std::optional<std::uint32_t> memory_mib;  // empty: the library's default, or the snapshot's
  std::optional<std::uint32_t> vcpus;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::chrono::milliseconds> boot_timeout;
  bool console = false;
  std::string console_log;
  bool timing = false;
  bool quiet = false;
  bool help = false;  // then nothing else is set
  Engine engine = Engine::kAuto;
};

// Reads files named by --env-file and, for variables without a value, our own environment.
Result<RunOptions> parse_run_options(Args args);

}  // namespace supermachine::cli
