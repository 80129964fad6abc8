// SPDX-License-Identifier: Apache-2.0
// What `supermachine run` was asked for, read from its arguments. Knows nothing of images and VMs.
#pragma once

#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "cli/verbs.h"
#include "cli/vms/ports.h"

namespace supermachine::cli {

struct RunOptions : MachineOptions, CommandOptions {
  std::string image;
  bool interactive = false;
  bool tty = false;
  std::string payload_file;  // "-": standard input; empty: no payload
  bool console = false;
  std::string console_log;
  bool timing = false;
  bool detach = false;
  std::string name;     // of a VM that runs detached; empty: one is made up
  int stop_signal = 0;  // 0: the image's
  bool remove = false;
  std::vector<PublishedPort> ports;
  bool help = false;  // then nothing else is set
};

Result<RunOptions> parse_run_options(Args args);

}  // namespace supermachine::cli
