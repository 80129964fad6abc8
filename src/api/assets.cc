// SPDX-License-Identifier: Apache-2.0
#include "supermachine/assets.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace supermachine {
namespace {

bool exists(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at is not there for us
  return std::filesystem::exists(path, ignored);
}

std::string program_dir() {
  std::error_code ignored;  // without /proc there is no answer
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

}  // namespace

Result<AssetPaths> AssetPaths::from_dir(const std::string& dir) {
  AssetPaths assets{.kernel = dir + "/kernel", .agent = dir + "/supermachine-agent"};
  for (const std::string& path : {assets.kernel, assets.agent}) {
    if (!exists(path)) return Error(Errc::kNotFound, path + ": no such file");
  }
  return assets;
}

Result<AssetPaths> AssetPaths::discover() {
  if (const char* dir = std::getenv("SUPERMACHINE_ASSETS_DIR"); dir != nullptr && *dir != '\0') {
    auto assets = from_dir(dir);
    if (!assets.ok()) return std::move(assets).error().with("SUPERMACHINE_ASSETS_DIR");
    return assets;
  }
  std::vector<std::string> places{program_dir()};
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    places.push_back(std::string(home) + "/.local/share/supermachine");
  }
  std::string tried;
  for (const std::string& place : places) {
    if (auto assets = from_dir(place); assets.ok()) return assets;
    tried += (tried.empty() ? "" : " or ") + place;
  }
  return Error(Errc::kNotFound,
               "no guest kernel and agent in " + tried +
                   ": set SUPERMACHINE_ASSETS_DIR to the directory that holds `kernel` and "
                   "`supermachine-agent`");
}

}  // namespace supermachine
