// SPDX-License-Identifier: Apache-2.0
#include "vmm/console.h"

#include <gtest/gtest.h>

namespace supermachine {
namespace {

class ConsoleTest : public ::testing::Test {
 protected:
  void print(std::string_view text) {
    for (const char c : text) console_.put(c);
  }
  int halts_ = 0;
  Console console_{-1, [this] { ++halts_; }};
};

TEST_F(ConsoleTest, KeepsTheLastLines) {
  print("one\r\ntwo\r\nthree\r\n");
  EXPECT_EQ(console_.last_lines(2), "two\nthree\n");
  EXPECT_EQ(console_.last_lines(9), "one\ntwo\nthree\n");
}

TEST_F(ConsoleTest, AddsTheLineBeingPrinted) {
  print("one\ntw");
  EXPECT_EQ(console_.last_lines(1), "one\ntw");
}

TEST_F(ConsoleTest, ShowsAPanicFromItsFirstLine) {
  print("before\n[ 0.1] Kernel panic - not syncing: no init\nCPU: 0\nmore\n");
  EXPECT_TRUE(console_.panicked());
  EXPECT_EQ(console_.last_lines(2), "[ 0.1] Kernel panic - not syncing: no init\nCPU: 0\n");
}

TEST_F(ConsoleTest, ForgetsTheOldestBeyondItsLimit) {
  for (int i = 0; i < 4000; ++i) print("line " + std::to_string(i) + "\n");
  const std::string all = console_.last_lines(100'000);
  EXPECT_LE(all.size(), Console::kTailBytes);
  EXPECT_EQ(all.substr(0, 5), "line ");
  EXPECT_TRUE(all.ends_with("line 3999\n"));
}

TEST_F(ConsoleTest, BoundsALineWithoutEnd) {
  print(std::string(100'000, 'x'));
  EXPECT_LE(console_.last_lines(1000).size(), Console::kTailBytes + 1024);
}

// Anyone in the guest may print it before the kernel does, and may print a panic too.
TEST_F(ConsoleTest, TellsOfEveryHalt) {
  print("[ 1.0] reboot: System halted\n");
  EXPECT_EQ(halts_, 1);
  print("on\nKernel panic - not syncing: no\n[ 9.1] reboot: System halted\n");
  EXPECT_EQ(halts_, 2);
}

TEST_F(ConsoleTest, KnowsNothingOfTheLastGuestOnceCleared) {
  print("secret\nKernel panic - not syncing: theirs\nreboot: System halted\nhalf a li");
  console_.clear();
  EXPECT_FALSE(console_.panicked());
  EXPECT_EQ(console_.last_lines(9), "");
  print("one\nKernel panic - not syncing: ours\nreboot: System halted\n");
  EXPECT_TRUE(console_.panicked());
  EXPECT_EQ(console_.last_lines(1), "Kernel panic - not syncing: ours\n");
  EXPECT_EQ(halts_, 2);
}

}  // namespace
}  // namespace supermachine
