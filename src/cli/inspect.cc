// SPDX-License-Identifier: Apache-2.0
// `supermachine inspect`: what a snapshot is, and whether this host can restore it.
#include <cstdio>

#include "cli/parse.h"
#include "cli/snapshot_report.h"
#include "cli/start.h"
#include "supermachine/snapshot.h"

namespace supermachine::cli {
namespace {

constexpr const char* kInspectHelp =
    R"(usage: supermachine inspect [--json] [--verify] DIRECTORY|BAKE

Tells what the snapshot in DIRECTORY, or the bake of that name, is: of which image,
how large, for which processors, what it needs beside itself, and what keeps this
host from restoring it, if anything does. Needs no KVM.

      --verify  also read all of its memory and compare the checksums
      --json    the same for programs
  -h, --help    this text

Exit status: 0 for a snapshot in order, also when this host cannot restore it;
125 when there is none, or it is damaged.
)";

struct InspectOptions {
  std::string directory;
  bool json = false;
  bool verify = false;
  bool help = false;
};

Result<InspectOptions> parse_options(Args args) {
  InspectOptions options;
  CLI::App app;
  app.set_help_flag();
  app.add_flag("-h,--help", options.help);
  app.add_flag("--json", options.json);
  app.add_flag("--verify", options.verify);
  app.add_option("directory", options.directory);
  SM_TRY(parse(app, args));
  if (!options.help && options.directory.empty()) return usage_error("which directory or bake?");
  return options;
}

}  // namespace

Result<int> inspect_verb(Args args) {
  const InspectOptions options = SM_TRY(with_hint(parse_options(args), "inspect"));
  if (options.help) {
    std::fputs(kInspectHelp, stdout);
    return 0;
  }
  const std::string path = SM_TRY(find_snapshot(options.directory));
  const SnapshotInfo info = SM_TRY(inspect_snapshot(path));
  if (options.verify) SM_TRY(verify_snapshot(path));
  const auto print = options.json ? snapshot_json : snapshot_text;
  std::fputs(print(info, options.verify).c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
