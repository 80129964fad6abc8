// SPDX-License-Identifier: Apache-2.0
#include "api/bundled_assets.h"

namespace supermachine {

std::optional<BundledAssets> bundled_assets() { return std::nullopt; }

}  // namespace supermachine
