// SPDX-License-Identifier: Apache-2.0
#include "api/places.h"

#include <cstdlib>
#include <filesystem>

namespace supermachine {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What is kept there refers to it, and is read by processes with other working directories.
Result<std::string> absolute(const std::string& dir) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(dir, error);
  if (error) return Error::from_errno(dir, error.value());
  return path.string();
}

}  // namespace

Result<std::string> cache_dir_or_default(const std::string& dir) {
  if (!dir.empty()) return absolute(dir);
  if (auto named = variable("SUPERMACHINE_CACHE"); !named.empty()) return absolute(named);
  if (auto base = variable("XDG_CACHE_HOME"); !base.empty())
    return absolute(base + "/supermachine");
  if (auto home = variable("HOME"); !home.empty()) return absolute(home + "/.cache/supermachine");
  return Error(Errc::kNotFound, "no place for the cache: set SUPERMACHINE_CACHE or HOME");
}

Result<std::string> snapshots_dir_or_default(const std::string& dir) {
  if (!dir.empty()) return absolute(dir);
  if (auto named = variable("SUPERMACHINE_SNAPSHOTS_DIR"); !named.empty()) return absolute(named);
  if (auto home = variable("HOME"); !home.empty())
    return absolute(home + "/.local/supermachine-snapshots");
  return Error(Errc::kNotFound, "no place for bakes: set SUPERMACHINE_SNAPSHOTS_DIR or HOME");
}

}  // namespace supermachine
