// SPDX-License-Identifier: Apache-2.0
#include "bake/bake_name.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine::bake {
namespace {

using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST(BakeName, IsMadeFromTheReference) {
  EXPECT_EQ(bake_name_for("nginx:1.27-alpine"), "nginx_1_27-alpine");
  EXPECT_EQ(bake_name_for("nginx:1.27-alpine", "__run"), "nginx_1_27-alpine__run");
  EXPECT_EQ(bake_name_for("localhost:5000/a_b/c:v1"), "localhost_5000_a_b_c_v1");
  EXPECT_EQ(bake_name_for("nginx"), bake_name_for("docker.io/library/nginx:latest"));
}

TEST(BakeName, TellsFilesOfTheSameNameApart) {
  const std::string one = bake_name_for("oci-archive:/a/python.tar");
  const std::string other = bake_name_for("oci-archive:/b/python.tar");

  EXPECT_THAT(one, MatchesRegex("python-[0-9a-f]{8}"));
  EXPECT_THAT(other, MatchesRegex("python-[0-9a-f]{8}"));
  EXPECT_NE(one, other);
  EXPECT_EQ(bake_name_for("oci-archive:/a/b/../python.tar"), one);
  EXPECT_THAT(bake_name_for("oci-layout:/a/layout/:v1.2"), StartsWith("layout_v1_2-"));
}

TEST(BakeName, IsMadeInADirectoryThatIsGone) {
  const std::string before = std::filesystem::current_path();
  {
    const TempDir gone = TempDir::create().value();
    std::filesystem::current_path(gone.path());
  }
  const std::string name = bake_name_for("oci-archive:python.tar");
  std::filesystem::current_path(before);
  EXPECT_THAT(name, MatchesRegex("python-[0-9a-f]{8}"));
}

// So that who runs an image never gets by name what was baked for it without one.
TEST(BakeName, IsNeverTheReferenceThatItIsMadeFrom) {
  for (const char* reference :
       {"nginx", "nginx_latest", "nginx:1", "nginx_1", "a.io/b", "localhost/b", "b-c.d__run",
        "docker.io/library/nginx", "oci-archive:/a/b.tar"}) {
    EXPECT_NE(bake_name_for(reference), reference);
  }
}

TEST(BakeName, CanAlwaysNameABake) {
  for (const std::string& reference :
       {std::string("-x"), std::string(".hidden"), std::string("_"), std::string(500, 'a'),
        "oci-archive:/x/" + std::string(200, 'b') + ".tar", std::string("\xc3\xa4/\n")}) {
    EXPECT_THAT(check_bake_name(bake_name_for(reference)), IsOk()) << reference;
  }
  EXPECT_NE(bake_name_for(std::string(500, 'a') + "1"), bake_name_for(std::string(500, 'a') + "2"));
}

TEST(BakeName, RefusesWhatCouldBeAPathOrAnOption) {
  for (const char* name : {"", ".", "..", ".x", "-x", "_x", "a/b", "a b", "a\n", "\xc3\xa4"}) {
    EXPECT_THAT(check_bake_name(name), FailsSaying(Errc::kInvalidArgument, "cannot name")) << name;
  }
  EXPECT_THAT(check_bake_name(std::string(kMaxBakeName, 'a')), IsOk());
  EXPECT_THAT(check_bake_name(std::string(kMaxBakeName + 1, 'a')), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::bake
