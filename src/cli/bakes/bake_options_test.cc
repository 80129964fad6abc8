// SPDX-License-Identifier: Apache-2.0
#include "cli/bakes/bake_options.h"

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Result<BakeVerbOptions> bake(std::vector<std::string> words) {
  std::vector<char*> args;
  for (std::string& word : words) args.push_back(word.data());
  return parse_bake_options(args);
}

TEST(BakeOptions, HaveDefaults) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, bake({"nginx"}));

  EXPECT_EQ(options.image, "nginx");
  EXPECT_EQ(options.name, "");
  EXPECT_EQ(options.pull, PullPolicy::kMissing);
  EXPECT_FALSE(options.listener || options.json || options.quiet);
  EXPECT_EQ(options.port, std::nullopt);
  EXPECT_EQ(options.warmup_tag, std::nullopt);
  EXPECT_THAT(options.command, IsEmpty());
  EXPECT_THAT(options.warmups, IsEmpty());
}

TEST(BakeOptions, AreTakenAroundTheImage) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, bake({"--name",
                                                    "web",
                                                    "-m",
                                                    "512",
                                                    "--listener",
                                                    "--port",
                                                    "8080",
                                                    "--listener-timeout",
                                                    "2.5",
                                                    "--warmup",
                                                    "a b",
                                                    "--warmup",
                                                    "c",
                                                    "--warmup-tag",
                                                    "v1",
                                                    "nginx",
                                                    "-e",
                                                    "A=b=c",
                                                    "--file",
                                                    "/x:y:/z",
                                                    "--kernel-arg",
                                                    "k=1",
                                                    "--pull",
                                                    "always",
                                                    "--",
                                                    "serve",
                                                    "--name",
                                                    "no"}));

  EXPECT_EQ(options.name, "web");
  EXPECT_EQ(options.memory_mib, 512U);
  EXPECT_TRUE(options.listener);
  EXPECT_EQ(options.port, 8080);
  EXPECT_EQ(options.listener_timeout, 2500ms);
  EXPECT_THAT(options.warmups, ElementsAre("a b", "c"));
  EXPECT_EQ(options.warmup_tag, "v1");
  EXPECT_THAT(options.env, ElementsAre(Pair("A", "b=c")));
  EXPECT_THAT(options.files, ElementsAre(Pair("/x:y", "/z")));
  EXPECT_THAT(options.kernel_args, ElementsAre("k=1"));
  EXPECT_EQ(options.pull, PullPolicy::kAlways);
  EXPECT_THAT(options.command, ElementsAre("serve", "--name", "no"));
}

TEST(BakeOptions, TakeTheFirstPullPolicy) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options, bake({"--pull", "never", "--pull", "always", "x"}));

  EXPECT_EQ(options.pull, PullPolicy::kNever);
}

TEST(BakeOptions, AreRefusedInOneLineEach) {
  const auto refused = [](std::vector<std::string> words, const char* saying) {
    EXPECT_THAT(bake(std::move(words)), FailsSaying(Errc::kInvalidArgument, saying));
  };
  refused({}, "which image?");
  refused({"nginx", "--port", "0"}, "--port");
  refused({"nginx", "--port", "65536"}, "--port");
  refused({"nginx", "--file", "/x"}, "HOST-PATH:/GUEST-PATH");
  refused({"nginx", "--file", "/x:y"}, "HOST-PATH:/GUEST-PATH");
  refused({"nginx", "--pull", "sometimes"}, "always, missing or never");
  refused({"nginx", "--warmup-tag", "v1"}, "without --warmup");
  refused({"--hostname", "web", "nginx"}, "unknown option --hostname");
  refused({"--nonsense", "nginx"}, "see 'supermachine bake --help'");
}

}  // namespace
}  // namespace supermachine::cli
