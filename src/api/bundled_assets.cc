// SPDX-License-Identifier: Apache-2.0
#include "api/bundled_assets.h"

#include "supermachine/kernel_x86_64_bytes.h"

namespace supermachine {

std::optional<BundledAssets> bundled_assets() {
  return BundledAssets{.kernel = supermachine_kernel_x86_64::kernel_bytes(),
                       .agent = supermachine_kernel_x86_64::supermachine_agent_bytes()};
}

}  // namespace supermachine
