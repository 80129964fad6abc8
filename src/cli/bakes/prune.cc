// SPDX-License-Identifier: Apache-2.0
// `supermachine prune`: free disk space.
#include <unistd.h>

#include <cstdio>

#include "cli/bakes/help.h"
#include "cli/help/text.h"
#include "cli/parse.h"
#include "cli/shared_arguments.h"
#include "cli/sizes.h"
#include "cli/values.h"
#include "supermachine/store.h"

namespace supermachine::cli {
namespace {

struct PruneVerbOptions {
  bool all = false;
  std::optional<std::chrono::seconds> older_than;
  bool force = false;
  bool help = false;
};

Result<PruneVerbOptions> parse_options(Args args) {
  PruneVerbOptions options;
  std::string older_than;
  Parser parser(kPruneHelp);
  parser.flag("--help", options.help);
  parser.flag("--all", options.all);
  parser.flag("--force", options.force);
  parser.value("--older-than", older_than);
  SM_TRY(parser.parse(args));
  if (parser.given("--older-than"))
    options.older_than = SM_TRY(parse_age("--older-than", older_than));
  return options;
}

// As docker asks; who is no person says --force.
Result<bool> agreed(const PruneVerbOptions& options) {
  if (options.force || (!options.all && !options.older_than)) return true;
  if (::isatty(STDIN_FILENO) != 1)
    return usage_error("bakes would be removed: add --force where nobody can be asked");
  std::fputs(options.all ? "Remove all bakes and the root file systems they leave? [y/N] "
                         : "Remove the bakes that nobody used for so long? [y/N] ",
             stderr);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

}  // namespace

Result<int> prune_verb(Args args) {
  const PruneVerbOptions options = SM_TRY(with_hint(parse_options(args), "prune"));
  if (options.help) return print_help(kPruneHelp);
  if (!SM_TRY(with_hint(agreed(options), "prune"))) return 0;
  PruneOptions what{.unused_bakes = options.older_than, .root_file_systems = options.all};
  if (options.all && !options.older_than) what.unused_bakes = std::chrono::seconds(0);
  const PruneReport report = SM_TRY(prune(what));
  for (const std::string& name : report.bakes) std::printf("%s\n", name.c_str());
  std::printf("%s freed\n", human_size(report.bytes).c_str());
  return 0;
}

}  // namespace supermachine::cli
