// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace supermachine {

// Raises how many files this process may have open to what its limit can be raised to. For
// programs: a shell's 1024 are gone with a thousand connections. Children inherit it.
void allow_many_open_files();

}  // namespace supermachine
