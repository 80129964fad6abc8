// SPDX-License-Identifier: Apache-2.0
// `supermachine port`: which ports of a detached VM are published, and where.
#include <cstdio>

#include "cli/help/text.h"
#include "cli/vms/help.h"
#include "cli/vms/options.h"
#include "cli/vms/reach.h"

namespace supermachine::cli {

Result<int> port_verb(Args args) {
  const PortOptions options = SM_TRY(parse_port_options(args));
  if (options.help) return print_help(kPortHelp);
  SM_TRY(follow_into_lab(options.engine, "port", args));
  VmStore store = SM_TRY(VmStore::open());
  for (const std::string& port : SM_TRY(find_running(store, options.vm)).state.ports) {
    const std::size_t arrow = port.find("->");
    if (arrow == std::string::npos) continue;
    std::printf("%s -> %s\n", port.substr(arrow + 2).c_str(), port.substr(0, arrow).c_str());
  }
  return 0;
}

}  // namespace supermachine::cli
