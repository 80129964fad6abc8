// SPDX-License-Identifier: Apache-2.0
// `supermachine images`: what is kept on this host.
#include <cstdio>
#include <ctime>

#include "cli/bakes/help.h"
#include "cli/bakes/keep.h"
#include "cli/help/text.h"
#include "cli/json_text.h"
#include "cli/parse.h"
#include "cli/sizes.h"
#include "cli/table.h"
#include "supermachine/snapshot.h"
#include "supermachine/store.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kShortKey = 12;

struct ImagesOptions {
  bool quiet = false;
  bool json = false;
  bool help = false;
};

Result<ImagesOptions> parse_options(Args args) {
  ImagesOptions options;
  Parser parser(kImagesHelp);
  parser.flag("--help", options.help);
  parser.flag("--quiet", options.quiet);
  parser.flag("--json", options.json);
  SM_TRY(parser.parse(args));
  return options;
}

const char* moment_of(const BakeInfo& bake) {
  if (bake.is_base) return "base";
  if (bake.is_warm) return "warm";
  return bake.runs_workload ? "listening" : "ready";
}

std::uint64_t hot_bytes_of(const BakeInfo& bake) {
  const auto info = inspect_snapshot(bake.directory);
  return info.ok() ? info.value().hot_bytes : 0;  // a size to look at, no reason to fail
}

std::string ago(std::int64_t when) {
  const auto seconds = static_cast<std::int64_t>(std::time(nullptr)) - when;
  return human_duration(std::chrono::seconds(seconds)) + " ago";
}

void print_text(const std::vector<BakeInfo>& bakes, const std::vector<PulledImage>& pulled) {
  std::vector<TableRow> rows{{"BAKE", "IMAGE", "KEY", "MOMENT", "MEMORY", "SIZE", "HOT", "USED"}};
  for (const BakeInfo& bake : bakes) {
    rows.push_back({bake.name, printable(bake.reference), bake.key.substr(0, kShortKey),
                    moment_of(bake), std::to_string(bake.memory_mib) + " MiB",
                    human_size(bake.disk_bytes), human_size(hot_bytes_of(bake)),
                    ago(bake.last_used)});
  }
  std::fputs(table_text(rows).c_str(), stdout);
  if (pulled.empty()) return;
  std::puts("");
  rows = {{"PULLED", "PLATFORM", "DIGEST", "SIZE", "PULLED"}};
  for (const PulledImage& image : pulled) {
    const std::string digest = image.digest.substr(image.digest.find(':') + 1, kShortKey);
    rows.push_back(
        {image.reference, image.platform, digest, human_size(image.bytes), ago(image.pulled)});
  }
  std::fputs(table_text(rows).c_str(), stdout);
}

std::string member(const char* name, const std::string& value) {
  return json_string(name) + ": " + json_string(value) + ", ";
}
template <typename Number>
std::string number(const char* name, Number value) {
  return json_string(name) + ": " + std::to_string(value) + ", ";
}

void print_json(const std::vector<BakeInfo>& bakes, const std::vector<PulledImage>& pulled) {
  std::string out = "{\"bakes\": [";
  const char* separator = "\n  ";
  for (const BakeInfo& bake : bakes) {
    out += separator;
    out += "{" + member("name", bake.name) + member("directory", bake.directory) +
           member("reference", bake.reference) + member("key", bake.key) +
           member("moment", moment_of(bake)) + member("warmup_tag", bake.warmup_tag) +
           member("version", bake.version) + number("guest_port", bake.guest_port) +
           number("memory_mib", bake.memory_mib) + number("vcpus", bake.vcpus) +
           number("disk_bytes", bake.disk_bytes) + number("hot_bytes", hot_bytes_of(bake)) +
           number("created", bake.created) + "\"last_used\": " + std::to_string(bake.last_used) +
           "}";
    separator = ",\n  ";
  }
  out += "],\n \"pulled\": [";
  separator = "\n  ";
  for (const PulledImage& image : pulled) {
    out += separator;
    out += "{" + member("reference", image.reference) + member("platform", image.platform) +
           member("digest", image.digest) + number("bytes", image.bytes) +
           "\"pulled\": " + std::to_string(image.pulled) + "}";
    separator = ",\n  ";
  }
  std::printf("%s]}\n", out.c_str());
}

}  // namespace

Result<int> images_verb(Args args) {
  const ImagesOptions options = SM_TRY(with_hint(parse_options(args), "images"));
  if (options.help) return print_help(kImagesHelp);
  const std::vector<BakeInfo> bakes = SM_TRY(list_bakes());
  const std::vector<PulledImage> pulled = SM_TRY(list_pulled());
  if (options.quiet) {
    for (const BakeInfo& bake : bakes) std::puts(bake.name.c_str());
    for (const PulledImage& image : pulled) std::puts(image.reference.c_str());
  } else if (options.json) {
    print_json(bakes, pulled);
  } else {
    print_text(bakes, pulled);
  }
  return 0;
}

Status remove_kept(const std::string& name) {
  Status removed = remove_bake(name);
  if (removed.ok()) return {};
  if (removed.error().code() != Errc::kNotFound && removed.error().code() != Errc::kInvalidArgument)
    return removed;
  // What cannot name a bake may name an image.
  removed = remove_pulled(name);
  if (removed.ok()) return {};
  return Error(Errc::kNotFound, "no bake and no pulled image is called " + name);
}

}  // namespace supermachine::cli
