// SPDX-License-Identifier: Apache-2.0
// What `supermachine bake` was asked for, read from its arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/shared_options.h"
#include "cli/verbs.h"

namespace supermachine::cli {

struct BakeVerbOptions : MachineOptions {
  std::string image;
  std::string name;                                        // empty: made from the image's
  std::string platform;                                    // empty: this host's
  std::vector<std::string> command;                        // empty: the image's
  std::vector<std::pair<std::string, std::string>> env;    // later ones win
  std::vector<std::pair<std::string, std::string>> files;  // of the host, and where in the guest
  std::vector<std::string> kernel_args;
  std::vector<std::string> warmups;       // each for sh -c
  std::optional<std::string> warmup_tag;  // empty: made from the warm-ups
  bool listener = false;
  std::optional<std::chrono::milliseconds> listener_timeout;
  std::optional<std::uint16_t> port;
  bool json = false;
  bool help = false;  // then nothing else is set
};

Result<BakeVerbOptions> parse_bake_options(Args args);

}  // namespace supermachine::cli
