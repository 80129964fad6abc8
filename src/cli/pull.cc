// SPDX-License-Identifier: Apache-2.0
// `supermachine pull`: an image from a registry into the cache, ready to run.
#include <cstdio>

#include "cli/help/text.h"
#include "cli/json_text.h"
#include "cli/parse.h"
#include "cli/progress_display.h"
#include "cli/pull_help.h"
#include "cli/shared_arguments.h"
#include "cli/values.h"
#include "supermachine/image.h"

namespace supermachine::cli {
namespace {

struct PullVerbOptions {
  std::string reference;
  std::string platform;
  PullPolicy policy = PullPolicy::kAlways;
  bool quiet = false;
  bool json = false;
  bool help = false;
};

Result<PullVerbOptions> parse_options(Args args) {
  PullVerbOptions options;
  std::string policy = "always";
  Parser parser(kPullHelp);
  parser.flag("--help", options.help);
  parser.flag("--quiet", options.quiet);
  parser.flag("--json", options.json);
  parser.value("--platform", options.platform);
  parser.value("--policy", policy);
  parser.argument("reference", options.reference);
  SM_TRY(parser.parse(args));
  if (options.help) return options;
  if (options.reference.empty()) return usage_error("which image? for example nginx:1.27");
  for (const char* prefix : {"oci-archive:", "oci-layout:", "oci:", "docker-archive:"}) {
    if (options.reference.starts_with(prefix)) {
      return usage_error("'" + options.reference + "' is on disk: there is nothing to pull");
    }
  }
  options.policy = SM_TRY(parse_pull_policy("--policy", policy));
  return options;
}

}  // namespace

Result<int> pull_verb(Args args) {
  const PullVerbOptions options = SM_TRY(with_hint(parse_options(args), "pull"));
  if (options.help) return print_help(kPullHelp);
  std::optional<Image> image;
  {
    ProgressDisplay display(choose_progress_style(options.quiet, options.json, true));
    image = SM_TRY(Image::from_oci(options.reference, {.pull_policy = options.policy,
                                                       .platform = options.platform,
                                                       .progress = display.callback()}));
  }
  if (options.json) {
    std::printf("{\"reference\":%s,\"digest\":%s}\n", json_string(image->name()).c_str(),
                json_string(image->digest()).c_str());
  } else {
    std::printf("%s %s\n", image->name().c_str(), image->digest().c_str());
  }
  return 0;
}

}  // namespace supermachine::cli
