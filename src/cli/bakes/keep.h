// SPDX-License-Identifier: Apache-2.0
// Removing what is kept.
#pragma once

#include <string>

#include "supermachine/result.h"

namespace supermachine::cli {

// The bake of that name, or else the pulled image. kNotFound for neither.
Status remove_kept(const std::string& name);

}  // namespace supermachine::cli
