// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <gtest/gtest.h>

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;

TEST(Table, HasColumnsAsWideAsTheirWidestCell) {
  EXPECT_EQ(table_text({{"A", "LONG", "C"}, {"\xc3\xa4\xc3\xb6", "x", ""}}),
            "A    LONG   C\n\xc3\xa4\xc3\xb6   x\n");
}

TEST(Table, SaysTimesInWholeUnits) {
  EXPECT_EQ(human_duration(400ms), "less than a second");
  EXPECT_EQ(human_duration(1s), "1 second");
  EXPECT_EQ(human_duration(119s), "1 minute");
  EXPECT_EQ(human_duration(7200s), "2 hours");
  EXPECT_EQ(human_duration(49h), "2 days");
}

TEST(Table, ObeysNoControlCharacter) { EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a?[2Jb??"); }

}  // namespace
}  // namespace supermachine::cli
