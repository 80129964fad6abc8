// SPDX-License-Identifier: Apache-2.0
// What this host offers to snapshots, and what one that is captured here needs.
#pragma once

#include <string>

#include "base/file_or_bytes.h"
#include "snapshot/refusal.h"

namespace supermachine {

// kUnsupported without a usable /dev/kvm. `kernel`: the guest's; none: not known.
Result<HostFacts> gather_host_facts(const FileOrBytes& kernel);

// The build of a kernel or other ELF program; empty when there is no telling.
[[nodiscard]] std::string build_id_of(const FileOrBytes& program);

}  // namespace supermachine
