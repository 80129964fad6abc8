// SPDX-License-Identifier: Apache-2.0
#include "api/asset_source.h"

#include "api/bundled_assets.h"

namespace supermachine {

Result<AssetSources> sources_of(const AssetPaths& assets) {
  AssetSources sources{.kernel = assets.kernel, .agent = assets.agent};
  if (!assets.kernel.empty() && !assets.agent.empty()) return sources;
  const auto bundle = bundled_assets();
  if (!bundle) {
    return Error(Errc::kNotFound, std::string("no path of a guest ") +
                                      (assets.kernel.empty() ? "kernel" : "agent") +
                                      ", and this program was built without one inside");
  }
  if (assets.kernel.empty()) sources.kernel = {"the kernel inside the program", bundle->kernel};
  if (assets.agent.empty()) sources.agent = {"the agent inside the program", bundle->agent};
  return sources;
}

Result<AssetSources> discover_sources() { return sources_of(SM_TRY(AssetPaths::discover())); }

}  // namespace supermachine
