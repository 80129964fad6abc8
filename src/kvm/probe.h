// SPDX-License-Identifier: Apache-2.0
// Can this host's KVM run a real guest? The existence of /dev/kvm does not tell: some hosts offer
// one whose guests cannot make a system call. So a guest of a few instructions tries.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "kvm/kvm.h"

namespace supermachine::kvm {

struct ProbeReport {
  // Each a sentence fragment for people; empty when a Linux guest can run.
  std::vector<std::string> problems = {};
  std::chrono::microseconds duration{};

  [[nodiscard]] bool usable() const noexcept { return problems.empty(); }
  [[nodiscard]] std::string summary() const;  // the problems, joined
};

// Checks KVM's capabilities, then, in a guest: CPUID as we set it, long mode, an exception and the
// return from it, SYSCALL from ring 3 into ring 0. Milliseconds; gives up on a guest that hangs
// after two seconds.
ProbeReport probe();

}  // namespace supermachine::kvm
