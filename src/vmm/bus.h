// SPDX-License-Identifier: Apache-2.0
// Who answers at which address: port I/O and memory-mapped I/O that KVM hands to us.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>

namespace supermachine {

// Filled before the vCPUs start and constant from then on; handlers are called from all of their
// threads. What nobody answers reads as all ones, as on a real bus.
class Bus {
 public:
  struct Handler {
    std::function<void(std::uint64_t offset, std::span<std::byte> out)> read;
    std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)> write;
  };

  // [start, start + size) must not overlap what is there already.
  void add(std::uint64_t start, std::uint64_t size, Handler handler);

  void read(std::uint64_t addr, std::span<std::byte> out) const;
  void write(std::uint64_t addr, std::span<const std::byte> bytes) const;

 private:
  struct Range {
    std::uint64_t size = 0;
    Handler handler;
  };
  struct Hit {
    const Handler* handler;
    std::uint64_t offset;
  };
  // `len` bytes at `addr`, all of them in one range.
  [[nodiscard]] Hit find(std::uint64_t addr, std::size_t len) const;

  std::map<std::uint64_t, Range> ranges_;  // by start
};

}  // namespace supermachine
