// SPDX-License-Identifier: Apache-2.0
// Where the guest's kernel and agent come from, as `supermachine assets` tells it.
#pragma once

#include <string>
#include <vector>

#include "supermachine/assets.h"

namespace supermachine::cli {

// `assets` is what lies in the chosen place; empty when there is none.
std::string assets_text(const std::vector<AssetPlace>& places,
                        const std::vector<AssetInfo>& assets);
std::string assets_json(const std::vector<AssetPlace>& places,
                        const std::vector<AssetInfo>& assets);

}  // namespace supermachine::cli
