// SPDX-License-Identifier: Apache-2.0
#include "oci/platform.h"

#include <gtest/gtest.h>

#include "result_matchers.h"

namespace supermachine::oci {
namespace {

TEST(Platform, IsReadAsDockerReadsIt) {
  for (const char* text :
       {"", "linux", "amd64", "x86_64", "linux/amd64", "linux/x86_64", "linux/amd64/v2"}) {
    SM_ASSERT_OK_AND_ASSIGN(const Platform platform, parse_platform(text));
    EXPECT_EQ(platform.text(), "linux/amd64") << text;
  }
}

TEST(Platform, OfAnotherHostIsRefusedByName) {
  EXPECT_THAT(parse_platform("linux/arm64"), FailsSaying(Errc::kUnsupported, "linux/amd64 only"));
  EXPECT_THAT(parse_platform("aarch64"), FailsSaying(Errc::kUnsupported, "linux/arm64"));
  EXPECT_THAT(parse_platform("windows"), FailsSaying(Errc::kUnsupported, "windows/amd64"));
  EXPECT_THAT(parse_platform("linux/arm/v7"), FailsSaying(Errc::kUnsupported, "linux/arm/v7"));
}

TEST(Platform, IsThreeWordsAtMost) {
  for (const char* text :
       {"/", "linux/", "/amd64", "a/b/c/d", "linux amd64", "Linux/amd64", "linux//v1"}) {
    EXPECT_THAT(parse_platform(text), Fails(Errc::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace supermachine::oci
