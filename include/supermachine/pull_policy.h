// SPDX-License-Identifier: Apache-2.0
// When a registry is asked for an image.
#pragma once

#include <cstdint>

namespace supermachine {

enum class PullPolicy : std::uint8_t {
  kAlways,   // whenever it is used; downloads only what has changed
  kMissing,  // when it is not in the cache
  kNever,    // not at all: kNotFound when it is not in the cache
};

}  // namespace supermachine
