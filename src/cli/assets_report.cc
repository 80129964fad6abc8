// SPDX-License-Identifier: Apache-2.0
#include "cli/assets_report.h"

#include "cli/json_text.h"
#include "cli/sizes.h"
#include "cli/table.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kShortBuild = 12;

std::string state_of(const AssetPlace& place) {
  if (place.chosen) return "chosen";
  return place.problem.empty() ? "usable" : printable(place.problem);
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : printable(text); }

std::string json_member(const char* name, const std::string& value) {
  return json_string(name) + ": " + json_string(value);
}

}  // namespace

std::string assets_text(const std::vector<AssetPlace>& places,
                        const std::vector<AssetInfo>& assets) {
  std::vector<TableRow> rows{{"PLACE", "DIRECTORY", "STATE"}};
  for (const AssetPlace& place : places) {
    rows.push_back({place.what, or_dash(place.directory), state_of(place)});
  }
  std::string out = table_text(rows);
  if (assets.empty()) return out + "\nno kernel and agent: VMs cannot start\n";
  rows = {{"ASSET", "SIZE", "VERSION", "BUILD", "FROM"}};
  for (const AssetInfo& asset : assets) {
    rows.push_back({asset.name, human_size(asset.bytes), or_dash(asset.version),
                    or_dash(asset.build.substr(0, kShortBuild)),
                    asset.path.empty() ? "inside the program" : printable(asset.path)});
  }
  return out + "\n" + table_text(rows);
}

std::string assets_json(const std::vector<AssetPlace>& places,
                        const std::vector<AssetInfo>& assets) {
  std::string out = "{\"places\": [";
  const char* separator = "\n  ";
  for (const AssetPlace& place : places) {
    out += separator + ("{" + json_member("what", place.what)) + ", " +
           json_member("directory", place.directory) + ", " +
           json_member("problem", place.problem) +
           ", \"chosen\": " + (place.chosen ? "true" : "false") + "}";
    separator = ",\n  ";
  }
  out += "],\n \"assets\": [";
  separator = "\n  ";
  for (const AssetInfo& asset : assets) {
    out += separator + ("{" + json_member("name", asset.name)) + ", " +
           json_member("path", asset.path) + ", \"bytes\": " + std::to_string(asset.bytes) + ", " +
           json_member("version", asset.version) + ", " + json_member("build", asset.build) + "}";
    separator = ",\n  ";
  }
  return out + "]}\n";
}

}  // namespace supermachine::cli
