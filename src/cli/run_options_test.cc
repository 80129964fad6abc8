// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <csignal>

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Result<RunOptions> parsed(std::vector<std::string> words) {
  std::vector<char*> args;
  for (std::string& word : words) args.push_back(word.data());
  return parse_run_options(args);
}

TEST(RunOptions, HaveDefaults) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options, parsed({"oci-layout:x"}));

  EXPECT_EQ(options.image, "oci-layout:x");
  EXPECT_THAT(options.command, IsEmpty());
  EXPECT_FALSE(options.interactive || options.tty || options.console || options.timing);
  EXPECT_EQ(options.memory_mib, std::nullopt);
  EXPECT_EQ(options.vcpus, std::nullopt);
  EXPECT_EQ(options.entrypoint, std::nullopt);
  EXPECT_EQ(options.timeout, std::nullopt);
  EXPECT_EQ(options.engine, Engine::kAuto);
}

TEST(RunOptions, AreTakenBeforeAndAfterTheImage) {
  SM_ASSERT_OK_AND_ASSIGN(
      const RunOptions options,
      parsed({"-w", "/srv", "oci-layout:x", "--memory", "512", "--vcpus=2", "--env", "A=b", "-m1g",
              "-e", "C=d e", "-it", "--", "env", "--help"}));

  EXPECT_EQ(options.image, "oci-layout:x");
  EXPECT_EQ(options.workdir, "/srv");
  EXPECT_EQ(options.memory_mib, 1024U);  // the last one counts
  EXPECT_EQ(options.vcpus, 2U);
  EXPECT_TRUE(options.interactive);
  EXPECT_TRUE(options.tty);
  EXPECT_FALSE(options.help);
  EXPECT_THAT(options.env, ElementsAre(Pair("A", "b"), Pair("C", "d e")));
  EXPECT_THAT(options.command, ElementsAre("env", "--help"));
}

TEST(RunOptions, EndAtTheFirstWordOfTheCommand) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options,
                          parsed({"oci-layout:x", "-i", "ls", "-t", "--memory", "--", "a b", ""}));

  EXPECT_TRUE(options.interactive);
  EXPECT_FALSE(options.tty);
  EXPECT_THAT(options.command, ElementsAre("ls", "-t", "--memory", "--", "a b", ""));
}

TEST(RunOptions, KeepASecondSeparatorForTheCommand) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options, parsed({"x", "--", "--", "-q"}));

  EXPECT_THAT(options.command, ElementsAre("--", "-q"));
}

TEST(RunOptions, TellAnEmptyEntrypointFromNone) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions empty, parsed({"--entrypoint", "", "x"}));
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions given, parsed({"x", "--entrypoint", "sh"}));

  EXPECT_EQ(empty.entrypoint, "");
  EXPECT_EQ(given.entrypoint, "sh");
}

TEST(RunOptions, TakeValuesThatLookLikeOtherThings) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options,
                          parsed({"-e", "A=[1,2]", "-e", "B=--x", "--user", "1000:1000", "x"}));

  EXPECT_THAT(options.env, ElementsAre(Pair("A", "[1,2]"), Pair("B", "--x")));
  EXPECT_EQ(options.user, "1000:1000");
}

TEST(RunOptions, TakeTheFirstEngine) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options,
                          parsed({"--engine", "kvm", "x", "--engine", "lab"}));

  EXPECT_EQ(options.engine, Engine::kKvm);
}

TEST(RunOptions, TakeTheFirstPullPolicy) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options,
                          parsed({"--pull", "never", "x", "--pull", "always"}));

  EXPECT_EQ(options.pull, PullPolicy::kNever);
}

TEST(RunOptions, TakeASignalThatStops) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions none, parsed({"-d", "x"}));
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions quit, parsed({"-d", "--stop-signal", "SIGQUIT", "x"}));
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions attached, parsed({"--stop-signal", "QUIT", "x"}));

  EXPECT_EQ(none.stop_signal, 0);
  EXPECT_EQ(quit.stop_signal, SIGQUIT);
  EXPECT_EQ(attached.stop_signal, SIGQUIT);
}

TEST(RunOptions, RefuseWhatIsWrongInOneLineWithAHint) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"-d", "--stop-signal", "NOSUCH", "x"}, "no signal 'NOSUCH'"},
      {{"--stop-signal", "NOSUCH", "x"}, "no signal 'NOSUCH'"},
      {{"--name", "web", "x"}, "add -d"},
      {{}, "which image"},
      {{"--memroy", "5", "x"}, "unknown option --memroy"},
      {{"x", "--memroy=5", "--", "ls"}, "unknown option --memroy"},
      {{"x", "-Z", "ls"}, "unknown option -Z"},
      {{"x", "--memory"}, "--memory"},
      {{"x", "--memory", "lots"}, "'lots'"},
      {{"x", "--vcpus", "1.5"}, "'1.5'"},
      {{"x", "--timeout", "0"}, "--timeout"},
      {{"x", "--engine", "qemu"}, "'qemu'"},
      {{"x", "--workdir", "srv"}, "'srv'"},
      {{"x", "--env", "=b"}, "'=b'"},
      {{"x", "--restore-timeout", "soon"}, "--restore-timeout"},
      {{"x", "-i", "--payload", "-"}, "both want standard input"},
  };
  for (const auto& [words, expected] : cases) {
    const auto options = parsed(words);

    ASSERT_THAT(options, Fails(Errc::kInvalidArgument)) << expected;
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
    EXPECT_THAT(options.error().message(), HasSubstr("see 'supermachine run --help'"));
    EXPECT_EQ(options.error().message().find('\n'), std::string::npos);
  }
}

TEST(RunOptions, AskForHelpAlone) {
  SM_ASSERT_OK_AND_ASSIGN(const RunOptions options, parsed({"-h"}));

  EXPECT_TRUE(options.help);
}

}  // namespace
}  // namespace supermachine::cli
