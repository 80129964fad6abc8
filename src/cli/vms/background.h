// SPDX-License-Identifier: Apache-2.0
// For processes that go on when who started them has gone.
#pragma once

#include "supermachine/result.h"

namespace supermachine::cli {

// Gives up standard input, output and error, and the working directory.
Status leave_streams();

// Returns in a child of ours, in a session of its own and without our streams; we ourselves end,
// with status 0. To be called by the only thread.
Status go_to_background();

}  // namespace supermachine::cli
