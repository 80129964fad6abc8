// SPDX-License-Identifier: Apache-2.0
#include "bake/bake_key.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine::bake {
namespace {

using ::testing::MatchesRegex;

BakeInputs sample() {
  return {.version = "0.1.0",
          .image_digest = "sha256:11",
          .rootfs_key = "22",
          .platform = "linux/amd64",
          .env = {"A=1", "B=2"},
          .cmd = std::vector<std::string>{"serve", "80"},
          .memory_mib = 256,
          .vcpus = 1,
          .guest_port = 80,
          .waits_for_listener = false,
          .kernel_args = {"quiet"},
          .extra_files = {{.host_path = "/h", .guest_path = "/g", .mode = 0644, .sha256 = "33"}},
          .kernel_id = "44",
          .agent_id = "55"};
}

struct Change {
  const char* what;
  std::function<void(BakeInputs&)> make;
  bool changes_key;
  bool changes_identity;
};

class BakeKey : public ::testing::TestWithParam<Change> {};

TEST_P(BakeKey, ChangesWithWhatTheGuestCouldNotice) {
  BakeInputs inputs = sample();
  GetParam().make(inputs);

  EXPECT_EQ(bake_key(inputs) != bake_key(sample()), GetParam().changes_key);
  EXPECT_EQ(bake_identity(inputs) != bake_identity(sample()), GetParam().changes_identity);
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, BakeKey,
    ::testing::Values(
        Change{"nothing", [](BakeInputs&) {}, false, false},
        Change{"version", [](BakeInputs& b) { b.version = "0.1.1"; }, true, true},
        Change{"image", [](BakeInputs& b) { b.image_digest = "sha256:12"; }, true, true},
        Change{"rootfs", [](BakeInputs& b) { b.rootfs_key = "23"; }, true, true},
        Change{"platform", [](BakeInputs& b) { b.platform = "linux/arm64"; }, true, true},
        Change{"kernel", [](BakeInputs& b) { b.kernel_id = "45"; }, true, true},
        Change{"agent", [](BakeInputs& b) { b.agent_id = "56"; }, true, true},
        Change{"env_value", [](BakeInputs& b) { b.env[0] = "A=2"; }, true, false},
        Change{"env_less", [](BakeInputs& b) { b.env.pop_back(); }, true, false},
        Change{"cmd", [](BakeInputs& b) { b.cmd->back() = "81"; }, true, false},
        Change{"cmd_split", [](BakeInputs& b) { b.cmd = {{"serve 80"}}; }, true, false},
        Change{"cmd_default", [](BakeInputs& b) { b.cmd.reset(); }, true, false},
        Change{"memory", [](BakeInputs& b) { b.memory_mib = 257; }, true, false},
        Change{"vcpus", [](BakeInputs& b) { b.vcpus = 2; }, true, false},
        Change{"port", [](BakeInputs& b) { b.guest_port = 81; }, true, false},
        Change{"listener", [](BakeInputs& b) { b.waits_for_listener = true; }, true, false},
        Change{"kernel_arg", [](BakeInputs& b) { b.kernel_args.clear(); }, true, false},
        Change{"file_content", [](BakeInputs& b) { b.extra_files[0].sha256 = "34"; }, true, false},
        Change{"file_place", [](BakeInputs& b) { b.extra_files[0].guest_path = "/f"; }, true,
               false},
        Change{"file_mode", [](BakeInputs& b) { b.extra_files[0].mode = 0755; }, true, false},
        Change{"file_less", [](BakeInputs& b) { b.extra_files.clear(); }, true, false},
        // The same bytes from elsewhere are the same to the guest.
        Change{"file_source", [](BakeInputs& b) { b.extra_files[0].host_path = "/i"; }, false,
               false}),
    [](const auto& test) { return test.param.what; });

TEST(BakeKeyText, IsADigest) { EXPECT_THAT(bake_key(sample()), MatchesRegex("[0-9a-f]{64}")); }

TEST(BakeKeyText, KeepsListsApart) {
  BakeInputs one = sample();
  one.env = {"A=1\nenv=3:B=2"};
  BakeInputs other = sample();
  other.env = {"A=1", "B=2"};
  one.kernel_args = {"a", "b"};
  other.kernel_args = {"ab"};

  EXPECT_NE(bake_key(one), bake_key(other));
}

TEST(WarmKey, ChangesWithItsBaseAndItsTag) {
  EXPECT_EQ(warm_key("a", "v1"), warm_key("a", "v1"));
  EXPECT_NE(warm_key("a", "v1"), warm_key("a", "v2"));
  EXPECT_NE(warm_key("a", "v1"), warm_key("b", "v1"));
  EXPECT_NE(warm_key("a", ""), "a");
}

class ExtraFileTest : public ::testing::Test {
 protected:
  std::string write(const std::string& content, mode_t mode) {
    const std::string path = dir_.path() + "/file";
    const UniqueFd file = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, mode).value();
    EXPECT_THAT(write_all(file.get(), std::as_bytes(std::span(content))), IsOk());
    ::chmod(path.c_str(), mode);
    return path;
  }
  TempDir dir_ = TempDir::create().value();
};

TEST_F(ExtraFileTest, IsKnownByItsContentAndMode) {
  SM_ASSERT_OK_AND_ASSIGN(const ExtraFile file, ExtraFile::read(write("abc", 0750), "/opt/x"));

  EXPECT_EQ(file.mode, 0750U);
  EXPECT_EQ(file.guest_path, "/opt/x");
  EXPECT_EQ(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(ExtraFileTest, IsAFileWithAPlaceToGo) {
  const std::string path = write("", 0644);

  EXPECT_THAT(ExtraFile::read(path, "opt/x"), FailsSaying(Errc::kInvalidArgument, "'opt/x'"));
  EXPECT_THAT(ExtraFile::read(path, "/opt/"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(ExtraFile::read(path, "/a/../b"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(ExtraFile::read(dir_.path(), "/x"),
              FailsSaying(Errc::kInvalidArgument, "no regular file"));
  EXPECT_THAT(ExtraFile::read(path + ".absent", "/x"), FailsSaying(Errc::kOs, "No such file"));
}

}  // namespace
}  // namespace supermachine::bake
