// SPDX-License-Identifier: Apache-2.0
// Threads of a library inside somebody else's process.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace supermachine {

// Runs `body` on a thread with all signals blocked from its first instruction on: the caller's
// signals are the caller's business. `name` is cut to 15 characters.
std::thread start_quiet_thread(std::string name, std::function<void()> body);

}  // namespace supermachine
