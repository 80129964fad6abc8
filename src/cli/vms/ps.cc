// SPDX-License-Identifier: Apache-2.0
// `supermachine ps`: which VMs run detached.
#include <cstdio>

#include "cli/help/text.h"
#include "cli/vms/help.h"
#include "cli/vms/options.h"
#include "cli/vms/ps_table.h"
#include "cli/vms/reach.h"

namespace supermachine::cli {

Result<int> ps_verb(Args args) {
  const PsOptions options = SM_TRY(parse_ps_options(args));
  if (options.help) return print_help(kPsHelp);
  SM_TRY(follow_into_lab(options.engine, "ps", args));
  VmStore store = SM_TRY(VmStore::open());
  std::vector<VmEntry> entries = SM_TRY(store.list());
  if (!options.all) std::erase_if(entries, [](const VmEntry& entry) { return !entry.alive; });
  for (const VmEntry& entry : entries) {
    if (!entry.problem.empty()) say(entry.directory + ": " + entry.problem);
  }
  if (options.ids_only) {
    for (const VmEntry& entry : entries) {
      const bool whole = options.whole_ids && entry.problem.empty();
      std::puts((whole ? entry.state.id : entry.short_name()).c_str());
    }
    return 0;
  }
  const std::string text =
      options.json ? ps_json(entries, now()) : ps_table(entries, options.whole_ids, now());
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
