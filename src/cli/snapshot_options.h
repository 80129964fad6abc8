// SPDX-License-Identifier: Apache-2.0
// What `supermachine snapshot` was asked for, read from its arguments.
#pragma once

#include <string>

#include "cli/shared_options.h"
#include "cli/verbs.h"

namespace supermachine::cli {

struct SnapshotVerbOptions : MachineOptions, CommandOptions {
  std::string image;
  std::string directory;
  bool diff = false;
  bool include_rootfs = false;
  bool drop_caches = false;
  bool no_rehearsal = false;
  std::optional<std::chrono::milliseconds> wait_ready = {};  // empty: it is not waited for
  bool timing = false;
  bool help = false;  // then nothing else is set
};

Result<SnapshotVerbOptions> parse_snapshot_options(Args args);

}  // namespace supermachine::cli
