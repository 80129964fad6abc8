// SPDX-License-Identifier: Apache-2.0
// What `supermachine inspect` prints.
#pragma once

#include <string>

#include "supermachine/snapshot.h"

namespace supermachine::cli {

std::string snapshot_text(const SnapshotInfo& info, bool verified);
std::string snapshot_json(const SnapshotInfo& info, bool verified);

}  // namespace supermachine::cli
