// SPDX-License-Identifier: Apache-2.0
// What this host offers to snapshots, and what one that is captured here needs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_or_bytes.h"
#include "snapshot/refusal.h"

namespace supermachine {

// kUnsupported without a usable /dev/kvm. `kernel`: the guest's; none: not known. Of KVM's
// capabilities those are asked for that a capture here needs, and those that a snapshot names.
Result<HostFacts> gather_host_facts(const FileOrBytes& kernel,
                                    std::span<const std::uint32_t> named_capabilities = {});

// What a snapshot needs that is captured on such a host.
[[nodiscard]] std::vector<std::uint32_t> needed_capabilities(const HostFacts& facts);

// The build of a kernel or other ELF program; empty when there is no telling.
[[nodiscard]] std::string build_id_of(const FileOrBytes& program);

}  // namespace supermachine
