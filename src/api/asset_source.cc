// SPDX-License-Identifier: Apache-2.0
#include "api/asset_source.h"

#include "api/bundled_assets.h"
#include "base/clean_pages.h"

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
  if (assets.kernel.empty()) {
    sources.kernel = {"the kernel inside the program", bundle->kernel};
    sources.inside.push_back(bundle->kernel);
  }
  if (assets.agent.empty()) {
    sources.agent = {"the agent inside the program", bundle->agent};
    sources.inside.push_back(bundle->agent);
  }
  return sources;
}

void AssetSources::drop_pages() const {
  for (const auto bytes : inside) drop_clean_pages(bytes);
}

Result<AssetSources> discover_sources() { return sources_of(SM_TRY(AssetPaths::discover())); }

}  // namespace supermachine
