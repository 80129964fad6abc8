// SPDX-License-Identifier: Apache-2.0
#include "supermachine/assets.h"

#include <cstdlib>
#include <filesystem>

#include "api/asset_source.h"
#include "api/bundled_assets.h"
#include "boot/kernel_id.h"
#include "instance/agent_image.h"

namespace supermachine {
namespace {

constexpr const char* kVariable = "SUPERMACHINE_ASSETS_DIR";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string program_dir() {
  std::error_code ignored;  // without /proc there is no answer
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

Result<AssetPaths> usable(const AssetPlace& place) {
  return place.directory.empty() ? AssetPaths::bundled() : AssetPaths::from_dir(place.directory);
}

// Each place with its problem; what is left may still not be usable().
std::vector<AssetPlace> places() {
  const std::string variable = environment(kVariable);
  const std::string home = environment("HOME");
  std::vector<AssetPlace> all{
      {.what = kVariable, .directory = variable, .problem = {}},
      {.what = "beside the program", .directory = program_dir(), .problem = {}},
      {.what = "~/.local/share/supermachine",
       .directory = home.empty() ? "" : home + "/.local/share/supermachine",
       .problem = {}},
      {.what = "inside the program", .directory = {}, .problem = {}}};
  if (variable.empty()) all[0].problem = "not set";
  if (all[1].directory.empty()) all[1].problem = "/proc does not tell where the program is";
  if (home.empty()) all[2].problem = "HOME is not set";
  if (!variable.empty()) {
    for (auto place = all.begin() + 1; place != all.end(); ++place)
      place->problem = std::string(kVariable) + " is set: no other place counts";
  }
  return all;
}

Result<AssetInfo> inspect(const char* name, const std::string& path, const FileOrBytes& source,
                          std::string (*version_of)(std::span<const std::byte>)) {
  auto found = source.open();
  if (!found.ok() && found.error().os_errno() == ENOENT)
    return Error(Errc::kNotFound, found.error().message());
  const FileOrBytes::Opened opened = SM_TRY(std::move(found));
  return AssetInfo{.name = name,
                   .path = path,
                   .bytes = opened.bytes().size(),
                   .version = version_of(opened.bytes()),
                   .build = boot::kernel_id(opened.bytes())};
}

}  // namespace

Result<AssetPaths> AssetPaths::from_dir(const std::string& dir) {
  AssetPaths assets{.kernel = dir + "/kernel", .agent = dir + "/supermachine-agent"};
  for (const std::string& path : {assets.kernel, assets.agent}) {
    std::error_code ignored;  // what cannot be looked at is not there for us
    if (!std::filesystem::exists(path, ignored))
      return Error(Errc::kNotFound, path + ": no such file");
  }
  const FileOrBytes::Opened agent = SM_TRY(FileOrBytes(assets.agent).open());
  if (Status checked = check_agent(agent.bytes()); !checked.ok())
    return std::move(checked).error().with(assets.agent);
  return assets;
}

Result<AssetPaths> AssetPaths::bundled() {
  if (bundled_assets()) return AssetPaths{};
  return Error(Errc::kNotFound, "this program was built without assets inside");
}

Result<AssetPaths> AssetPaths::discover() {
  std::string problems;
  for (const AssetPlace& place : places()) {
    if (!place.problem.empty()) continue;
    auto assets = usable(place);
    if (assets.ok()) return assets;
    // Said to be there, so it has to be.
    if (place.what == kVariable) return std::move(assets).error().with(kVariable);
    problems += (problems.empty() ? "" : "; ") + assets.error().message();
  }
  return Error(Errc::kNotFound, "no guest kernel and agent: " + problems +
                                    ". Set SUPERMACHINE_ASSETS_DIR to the directory that holds "
                                    "`kernel` and `supermachine-agent`");
}

std::vector<AssetPlace> list_asset_places() {
  std::vector<AssetPlace> all = places();
  bool found = false;
  for (AssetPlace& place : all) {
    if (!place.problem.empty()) continue;
    if (auto assets = usable(place); !assets.ok()) {
      place.problem = assets.error().message();
    } else {
      place.chosen = !std::exchange(found, true);
    }
  }
  return all;
}

Result<std::vector<AssetInfo>> inspect_assets(const AssetPaths& assets) {
  const AssetSources sources = SM_TRY(sources_of(assets));
  return std::vector<AssetInfo>{
      SM_TRY(inspect("kernel", assets.kernel, sources.kernel, boot::linux_release)),
      SM_TRY(inspect("agent", assets.agent, sources.agent, agent_version))};
}

}  // namespace supermachine
