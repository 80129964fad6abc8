// SPDX-License-Identifier: Apache-2.0
// The root file system that a snapshot names. The snapshot may be anyone's, and a guest of it reads
// what stands there: so that has to be what it is said to be.
#pragma once

#include "snapshot/snapshot.h"

namespace supermachine {

// Fine for a snapshot that names none. Otherwise the error's message is a fragment for people. The
// contents of the squashfs are not read.
Status check_root_image(const Snapshot& snapshot);

}  // namespace supermachine
