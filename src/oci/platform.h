// SPDX-License-Identifier: Apache-2.0
// Which processor and system an image is for.
#pragma once

#include <string>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::oci {

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant;  // read and shown, never asked for

  [[nodiscard]] std::string text() const {
    return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
  }
  [[nodiscard]] bool fits(const Platform& wanted) const {
    return os == wanted.os && architecture == wanted.architecture;
  }
};

// What docker's --platform takes: "linux/amd64", also "amd64", "linux" or "linux/x86_64"; empty for
// what this host runs. kUnsupported for what it does not run, which is all but linux/amd64.
Result<Platform> parse_platform(std::string_view text);

}  // namespace supermachine::oci
