// What this host offers to snapshots, and what one that is captured here needs.
#pragma once

#include <string>

#include "snapshot/refusal.h"

namespace supermachine {

// kUnsupported without a usable /dev/kvm. `kernel_path`: of the guest's kernel; empty: not known.
Result<HostFacts> gather_host_facts(const std::string& kernel_path);

// The build of the kernel in that file; empty when there is no telling.
[[nodiscard]] std::string guest_kernel_of(const std::string& kernel_path);

}  // namespace supermachine
