// SPDX-License-Identifier: Apache-2.0
// What `supermachine bench` measured, as a table or JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace supermachine::cli {

// One thing, measured several times. Not empty.
struct BenchLine {
  std::string what;
  std::uint32_t vms = 1;  // alive meanwhile
  std::vector<std::chrono::nanoseconds> times = {};

  // The smallest time that `percent` of all do not exceed.
  [[nodiscard]] std::chrono::nanoseconds percentile(unsigned percent) const;
};

struct BenchMemory {
  std::uint32_t vms = 1;
  std::uint64_t bytes_each = 0;
};

struct BenchResult {
  std::vector<BenchLine> lines;
  std::vector<BenchMemory> memory;

  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string json() const;
};

}  // namespace supermachine::cli
