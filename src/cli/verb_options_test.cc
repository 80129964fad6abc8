// SPDX-License-Identifier: Apache-2.0
// The options of snapshot and bench; those they share with run are tested there.
#include "cli/bench_options.h"
#include "cli/snapshot_options.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

template <typename Options>
Result<Options> parsed(Result<Options> (*parse)(Args), std::vector<std::string> words) {
  std::vector<char*> args;
  for (std::string& word : words) args.push_back(word.data());
  return parse(args);
}

Result<SnapshotVerbOptions> snapshot(std::vector<std::string> words) {
  return parsed(parse_snapshot_options, std::move(words));
}
Result<BenchOptions> bench(std::vector<std::string> words) {
  return parsed(parse_bench_options, std::move(words));
}

TEST(SnapshotOptions, HaveDefaults) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, snapshot({"oci-layout:x", "dir"}));

  EXPECT_EQ(options.image, "oci-layout:x");
  EXPECT_EQ(options.directory, "dir");
  EXPECT_THAT(options.command, IsEmpty());
  EXPECT_EQ(options.wait_ready, std::nullopt);
  EXPECT_FALSE(options.diff || options.include_rootfs || options.drop_caches || options.quiet);
}

TEST(SnapshotOptions, AreTakenAroundImageAndDirectory) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options,
                          snapshot({"-m", "512", "x", "--diff", "dir", "-e", "A=b", "--drop-caches",
                                    "--include-rootfs", "sh", "-c", "--diff"}));

  EXPECT_EQ(options.memory_mib, 512U);
  EXPECT_EQ(options.directory, "dir");
  EXPECT_TRUE(options.diff && options.drop_caches && options.include_rootfs);
  EXPECT_THAT(options.env, ElementsAre(Pair("A", "b")));
  EXPECT_THAT(options.command, ElementsAre("sh", "-c", "--diff"));
}

TEST(SnapshotOptions, WaitForReadinessWithAndWithoutATime) {
  SM_ASSERT_OK_AND_ASSIGN(const auto bare, snapshot({"--wait-ready", "x", "dir"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto timed, snapshot({"x", "dir", "--wait-ready=2.5", "--", "ls"}));

  EXPECT_EQ(bare.image, "x");
  EXPECT_EQ(bare.wait_ready, 60s);
  EXPECT_EQ(timed.wait_ready, 2500ms);
  EXPECT_THAT(timed.command, ElementsAre("ls"));
}

TEST(SnapshotOptions, RefuseWhatIsWrongInOneLineWithAHint) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{}, "which image"},
      {{"x"}, "into which directory"},
      {{"x", "--", "ls"}, "into which directory"},
      {{"x", "dir", "--warm"}, "unknown option --warm"},
      {{"x", "dir", "--wait-ready=soon"}, "'soon'"},
      {{"x", "dir", "--vcpus", "many"}, "'many'"},
      {{"x", "dir", "--entrypoint", ""}, "runs nothing"},
  };
  for (const auto& [words, expected] : cases) {
    const auto options = snapshot(words);

    ASSERT_THAT(options, Fails(Errc::kInvalidArgument)) << expected;
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
    EXPECT_THAT(options.error().message(), HasSubstr("see 'supermachine snapshot --help'"));
    EXPECT_EQ(options.error().message().find('\n'), std::string::npos);
  }
}

TEST(BenchOptions, HaveDefaults) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, bench({"dir"}));

  EXPECT_EQ(options.image, "dir");
  EXPECT_EQ(options.rounds, 20U);
  EXPECT_THAT(options.vms, ElementsAre(1, 16));
  EXPECT_THAT(options.command, ElementsAre("/bin/true"));
  EXPECT_FALSE(options.json);
}

TEST(BenchOptions, TakeNumbersAndACommand) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, bench({"--vms", "1", "dir", "--vms=100", "--rounds",
                                                     "5", "--json", "--", "python3", "-V"}));

  EXPECT_EQ(options.rounds, 5U);
  EXPECT_THAT(options.vms, ElementsAre(1, 100));
  EXPECT_TRUE(options.json);
  EXPECT_THAT(options.command, ElementsAre("python3", "-V"));
}

TEST(BenchOptions, RefuseWhatIsWrong) {
  for (const auto& [words, expected] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "which image"},
           {{"x", "--rounds", "0"}, "--rounds takes a number from 1"},
           {{"x", "--vms", "1.5"}, "'1.5'"},
           {{"x", "--vms", "999999999999"}, "--vms"},
           {{"x", "--wait-ready"}, "unknown option --wait-ready"}}) {
    const auto options = bench(words);

    ASSERT_THAT(options, Fails(Errc::kInvalidArgument)) << expected;
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
    EXPECT_THAT(options.error().message(), HasSubstr("see 'supermachine bench --help'"));
  }
}

}  // namespace
}  // namespace supermachine::cli
