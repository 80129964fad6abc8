// SPDX-License-Identifier: Apache-2.0
#include "vmm/bus.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace supermachine {
namespace {

// A bus with one device of eight bytes at 0x100 that notes what happens to it.
struct OneDevice {
  std::string log;
  Bus bus;
  OneDevice() {
    bus.add(0x100, 8,
            {.read =
                 [this](std::uint64_t offset, std::span<std::byte> out) {
                   log += "r" + std::to_string(offset) + "+" + std::to_string(out.size());
                   out[0] = std::byte{42};
                 },
             .write =
                 [this](std::uint64_t offset, std::span<const std::byte> bytes) {
                   log += "w" + std::to_string(offset) + "+" + std::to_string(bytes.size());
                 }});
  }
};

TEST(Bus, GivesTheDeviceTheOffsetIntoItsRange) {
  OneDevice it;
  std::array<std::byte, 2> bytes{};
  it.bus.read(0x106, bytes);
  it.bus.write(0x100, bytes);
  EXPECT_EQ(it.log, "r6+2w0+2");
  EXPECT_EQ(bytes[0], std::byte{42});
}

TEST(Bus, ReadsAllOnesWhereNobodyAnswers) {
  OneDevice it;
  for (const std::uint64_t addr : {0x0ULL, 0xffULL, 0x107ULL, 0x108ULL, ~0ULL}) {
    std::array<std::byte, 2> bytes{};
    it.bus.read(addr, bytes);
    it.bus.write(addr, bytes);
    EXPECT_EQ(bytes[0], std::byte{0xff}) << addr;
  }
  EXPECT_EQ(it.log, "");
}

}  // namespace
}  // namespace supermachine
