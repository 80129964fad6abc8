// SPDX-License-Identifier: Apache-2.0
// supermachine's runtime assets as data, of the architecture that is built for:
//
//   SM_TRY(supermachine_kernel::extract_kernel_to_with_parents(dir + "/kernel"));
//   SM_TRY(supermachine_kernel::extract_supermachine_agent_to(dir + "/supermachine-agent"));
//   const auto assets = SM_TRY(supermachine::AssetPaths::from_dir(dir));
//
// Of the same version as supermachine: an agent of another is refused.
#pragma once

#if defined(__x86_64__)
#include "supermachine/kernel_x86_64.h"
#else
#error "supermachine-kernel has no assets for this architecture: x86_64"
#endif

namespace supermachine_kernel {

using namespace supermachine_kernel_x86_64;  // NOLINT: this is what a facade is

[[deprecated("it is extract_kernel_to()")]] inline supermachine::Status extract_to(
    const std::string& dest) {
  return extract_kernel_to(dest);
}

[[deprecated("it is extract_kernel_to_with_parents()")]] inline supermachine::Status
extract_to_with_parents(const std::string& dest) {
  return extract_kernel_to_with_parents(dest);
}

}  // namespace supermachine_kernel
