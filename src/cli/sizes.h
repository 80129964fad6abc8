// SPDX-License-Identifier: Apache-2.0
// Numbers for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace supermachine::cli {

// "4.2 MiB"; whole bytes below 1 KiB.
std::string human_size(std::uint64_t bytes);
// "12.3 ms", from a second on "1.23 s".
std::string human_time(std::chrono::nanoseconds time);
// "256 MiB of memory, 2 vCPUs"
std::string human_machine(std::uint32_t memory_mib, std::uint32_t vcpus);

}  // namespace supermachine::cli
