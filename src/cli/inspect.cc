// SPDX-License-Identifier: Apache-2.0
// `supermachine inspect`: what a snapshot is, and whether this host can restore it.
#include <cstdio>

#include "cli/help/text.h"
#include "cli/inspect_help.h"
#include "cli/parse.h"
#include "cli/snapshot_report.h"
#include "cli/start.h"
#include "supermachine/snapshot.h"

namespace supermachine::cli {
namespace {

struct InspectOptions {
  std::string directory;
  bool json = false;
  bool verify = false;
  bool help = false;
};

Result<InspectOptions> parse_options(Args args) {
  InspectOptions options;
  Parser parser(kInspectHelp);
  parser.flag("--help", options.help);
  parser.flag("--json", options.json);
  parser.flag("--verify", options.verify);
  parser.argument("directory", options.directory);
  SM_TRY(parser.parse(args));
  if (!options.help && options.directory.empty()) return usage_error("which directory or bake?");
  return options;
}

}  // namespace

Result<int> inspect_verb(Args args) {
  const InspectOptions options = SM_TRY(with_hint(parse_options(args), "inspect"));
  if (options.help) return print_help(kInspectHelp);
  const std::string path = SM_TRY(find_snapshot(options.directory));
  const SnapshotInfo info = SM_TRY(inspect_snapshot(path));
  if (options.verify) SM_TRY(verify_snapshot(path));
  const auto print = options.json ? snapshot_json : snapshot_text;
  std::fputs(print(info, options.verify).c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
