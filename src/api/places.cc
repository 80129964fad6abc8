// SPDX-License-Identifier: Apache-2.0
#include "api/places.h"

#include <cstdlib>

namespace supermachine {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::string> cache_dir_or_default(const std::string& dir) {
  if (!dir.empty()) return dir;
  if (auto named = variable("SUPERMACHINE_CACHE"); !named.empty()) return named;
  if (auto base = variable("XDG_CACHE_HOME"); !base.empty()) return base + "/supermachine";
  if (auto home = variable("HOME"); !home.empty()) return home + "/.cache/supermachine";
  return Error(Errc::kNotFound, "no place for the cache: set SUPERMACHINE_CACHE or HOME");
}

Result<std::string> snapshots_dir_or_default(const std::string& dir) {
  if (!dir.empty()) return dir;
  if (auto named = variable("SUPERMACHINE_SNAPSHOTS_DIR"); !named.empty()) return named;
  if (auto home = variable("HOME"); !home.empty()) return home + "/.local/supermachine-snapshots";
  return Error(Errc::kNotFound, "no place for bakes: set SUPERMACHINE_SNAPSHOTS_DIR or HOME");
}

}  // namespace supermachine
