// SPDX-License-Identifier: Apache-2.0
#include "supermachine/host.h"

#include "kvm/probe.h"

namespace supermachine {

HostReport check_host() {
  kvm::ProbeReport report = kvm::probe();
  return {.problems = std::move(report.problems), .duration = report.duration};
}

}  // namespace supermachine
