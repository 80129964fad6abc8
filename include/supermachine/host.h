// SPDX-License-Identifier: Apache-2.0
// Can this host run VMs?
#pragma once

#include <string>
#include <vector>

#include "supermachine/detail/std.h"
#include "supermachine/result.h"

namespace supermachine {

struct HostReport {
  std::vector<std::string> problems;     // each for people, with what to do where that is known
  std::chrono::microseconds duration{};  // of the check

  [[nodiscard]] bool usable() const noexcept { return problems.empty(); }
};

// Runs a guest of a few instructions on /dev/kvm, because the existence of that file does not tell.
// Takes milliseconds; two seconds at most.
HostReport check_host();

}  // namespace supermachine
