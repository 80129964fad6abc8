// SPDX-License-Identifier: Apache-2.0
// `supermachine pull`: an image from a registry into the cache, ready to run.
#include <cstdio>

#include "cli/json_text.h"
#include "cli/parse.h"
#include "cli/progress_display.h"
#include "cli/shared_arguments.h"
#include "cli/values.h"
#include "supermachine/image.h"

namespace supermachine::cli {
namespace {

constexpr const char* kPullHelp =
    R"(usage: supermachine pull [OPTIONS] REFERENCE

Downloads an image from its registry and unpacks it into the cache, so that
'supermachine run REFERENCE' starts at once. What is there already is not
downloaded again. Prints the reference and the manifest's digest.

REFERENCE is [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST] as docker has it; without a
host it is docker.io's.

      --platform OS/ARCH  the image's platform; linux/amd64, which is the default
      --policy WHEN       when the registry is asked: always, which is the default
                          here; missing: when it is not in the cache; never
  -q, --quiet             no progress, only the result
      --json              progress on standard error and the result as JSON, an
                          object a line
  -h, --help              this text

Users and passwords are those of 'docker login' and 'podman login'. Mirrors and
registries without TLS: docs/guide/registries.md.
)";

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
  CLI::App app;
  app.set_help_flag();
  app.add_flag("-h,--help", options.help);
  app.add_flag("-q,--quiet", options.quiet);
  app.add_flag("--json", options.json);
  add_single(app, "--platform", options.platform);
  add_single(app, "--policy,--pull", policy);
  app.add_option("reference", options.reference);
  SM_TRY(parse(app, args));
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
  if (options.help) {
    std::fputs(kPullHelp, stdout);
    return 0;
  }
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
