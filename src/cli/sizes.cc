// SPDX-License-Identifier: Apache-2.0
#include "cli/sizes.h"

#include <array>
#include <cstdio>

namespace supermachine::cli {

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::string human_time(std::chrono::nanoseconds time) {
  const std::chrono::duration<double, std::milli> ms = time;
  std::array<char, 32> text{};
  if (ms.count() < 1000) {
    std::snprintf(text.data(), text.size(), "%.1f ms", ms.count());
  } else {
    std::snprintf(text.data(), text.size(), "%.2f s", ms.count() / 1000);
  }
  return text.data();
}

std::string human_machine(std::uint32_t memory_mib, std::uint32_t vcpus) {
  return std::to_string(memory_mib) + " MiB of memory, " + std::to_string(vcpus) +
         (vcpus == 1 ? " vCPU" : " vCPUs");
}

}  // namespace supermachine::cli
