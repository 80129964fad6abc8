// SPDX-License-Identifier: Apache-2.0
// What this host offers to snapshots, and what one that is captured here needs.
#pragma once

#include <string>

#include "snapshot/refusal.h"

namespace supermachine {

// kUnsupported without a usable /dev/kvm. `kernel_path`: of the guest's kernel; empty: not known.
Result<HostFacts> gather_host_facts(const std::string& kernel_path);

// The build of the kernel or other ELF program in that file; empty when there is no telling.
[[nodiscard]] std::string build_id_of(const std::string& path);

}  // namespace supermachine
