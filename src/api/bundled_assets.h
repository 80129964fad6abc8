// SPDX-License-Identifier: Apache-2.0
// The assets inside the program. Of two libraries that implement this, SM_BUNDLE_ASSETS links one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace supermachine {

struct BundledAssets {
  std::span<const std::byte> kernel;
  std::span<const std::byte> agent;
};

// They live as long as the program; nullopt when it was built without.
std::optional<BundledAssets> bundled_assets();

}  // namespace supermachine
