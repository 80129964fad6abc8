// SPDX-License-Identifier: Apache-2.0
#include "cli/values.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::uint32_t mib(std::string_view text) {
  const auto memory = parse_memory_mib(text);
  return memory.ok() ? memory.value() : 0xffffffff;
}

TEST(Values, TakeAges) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_age("--age", "30s").value(), 30s);
  EXPECT_EQ(parse_age("--age", "45m").value(), 45min);
  EXPECT_EQ(parse_age("--age", "12h").value(), 12h);
  EXPECT_EQ(parse_age("--age", "7d").value(), 168h);
  for (const char* text : {"", "7", "d", "-1d", "1.5h", "1w", "1dd", "999999999999d"})
    EXPECT_THAT(parse_age("--age", text), FailsSaying(Errc::kInvalidArgument, "--age")) << text;
}

TEST(Values, TakePullPolicies) {
  EXPECT_EQ(parse_pull_policy("--pull", "always").value(), PullPolicy::kAlways);
  EXPECT_EQ(parse_pull_policy("--pull", "missing").value(), PullPolicy::kMissing);
  EXPECT_EQ(parse_pull_policy("--pull", "never").value(), PullPolicy::kNever);
  EXPECT_THAT(parse_pull_policy("--pull", "Always"),
              FailsSaying(Errc::kInvalidArgument, "always, missing or never"));
}

TEST(Values, TakeMemoryAsMiB) {
  EXPECT_EQ(mib("256"), 256U);
  EXPECT_EQ(mib("0"), 0U);  // what is too small, the library says
  EXPECT_EQ(mib("512m"), 512U);
  EXPECT_EQ(mib("512M"), 512U);
  EXPECT_EQ(mib("2g"), 2048U);
  EXPECT_EQ(mib("2GiB"), 2048U);
  EXPECT_EQ(mib("2gb"), 2048U);
  EXPECT_EQ(mib("1024k"), 1U);
  EXPECT_EQ(mib("1025k"), 2U);  // rounded up
  EXPECT_EQ(mib("1048576b"), 1U);
}

TEST(Values, RefuseOtherMemory) {
  for (const char* text : {"", "m", "-1", "1.5g", "12q", "12mm", "1 g", "99999999999999999999",
                           "4194304t", "18446744073709551615g"}) {
    const auto memory = parse_memory_mib(text);

    ASSERT_THAT(memory, Fails(Errc::kInvalidArgument)) << text;
    EXPECT_THAT(memory.error().message(), HasSubstr("--memory")) << text;
    EXPECT_THAT(memory.error().message(), HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(Values, TakeWholeProcessors) {
  SM_ASSERT_OK_AND_ASSIGN(const std::uint32_t four, parse_vcpus("4"));

  EXPECT_EQ(four, 4U);
  for (const char* text : {"", "1.5", "-1", "two", "5000000000"}) {
    EXPECT_THAT(parse_vcpus(text), Fails(Errc::kInvalidArgument)) << text;
  }
}

TEST(Values, TakeSecondsWithAFraction) {
  SM_ASSERT_OK_AND_ASSIGN(const auto time, parse_seconds("--timeout", "1.5"));
  SM_ASSERT_OK_AND_ASSIGN(const auto least, parse_seconds("--timeout", "0.0001"));

  EXPECT_EQ(time, std::chrono::milliseconds(1500));
  EXPECT_EQ(least, std::chrono::milliseconds(1));
  for (const char* text : {"", "0", "-1", "5s", "1e3", "inf", "nan", "10000000000"}) {
    EXPECT_THAT(parse_seconds("--timeout", text), Fails(Errc::kInvalidArgument)) << text;
  }
}

TEST(Values, TakeVariablesWithAndWithoutAValue) {
  ASSERT_EQ(::setenv("SM_TEST_OURS", "from us", 1), 0);
  ASSERT_EQ(::unsetenv("SM_TEST_UNSET"), 0);

  SM_ASSERT_OK_AND_ASSIGN(const auto given, parse_variable("A=b=c"));
  SM_ASSERT_OK_AND_ASSIGN(const auto empty, parse_variable("A="));
  SM_ASSERT_OK_AND_ASSIGN(const auto ours, parse_variable("SM_TEST_OURS"));
  SM_ASSERT_OK_AND_ASSIGN(const auto unset, parse_variable("SM_TEST_UNSET"));

  EXPECT_EQ(given, Variable("A", "b=c"));
  EXPECT_EQ(empty, Variable("A", ""));
  EXPECT_EQ(ours, Variable("SM_TEST_OURS", "from us"));
  EXPECT_EQ(unset, std::nullopt);
  for (const char* text : {"", "=x", "A B=c"}) {
    EXPECT_THAT(parse_variable(text), Fails(Errc::kInvalidArgument)) << text;
  }
}

class EnvFile : public ::testing::Test {
 protected:
  EnvFile() { std::filesystem::remove(path_); }
  ~EnvFile() override { std::filesystem::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_) << text; }

  const std::string path_ = ::testing::TempDir() + "sm_env_file_" + std::to_string(::getpid());
};

TEST_F(EnvFile, HasOneVariablePerLine) {
  write("# a comment\n\n  A=1\nB=two words # kept\r\nSM_TEST_UNSET\nC=");

  SM_ASSERT_OK_AND_ASSIGN(const auto variables, read_env_file(path_));

  EXPECT_THAT(variables, ElementsAre(Pair("A", "1"), Pair("B", "two words # kept"), Pair("C", "")));
}

TEST_F(EnvFile, NamesTheLineThatIsWrong) {
  write("A=1\n=2\n");
  const auto variables = read_env_file(path_);

  ASSERT_THAT(variables, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(variables.error().message(), HasSubstr(path_ + ": line 2"));
}

TEST_F(EnvFile, IsNamedWhenMissing) {
  const auto variables = read_env_file(path_);

  ASSERT_THAT(variables, Fails(Errc::kOs));
  EXPECT_THAT(variables.error().message(), HasSubstr(path_));
}

TEST(Values, TakeSignals) {
  for (const char* text : {"15", "TERM", "SIGTERM", "term", "sigterm"}) {
    EXPECT_EQ(parse_signal(text).value(), SIGTERM) << text;
  }
  EXPECT_EQ(parse_signal("RTMIN").value(), SIGRTMIN);
  EXPECT_EQ(parse_signal("SIGRTMIN+3").value(), SIGRTMIN + 3);
  EXPECT_EQ(parse_signal("rtmax-1").value(), SIGRTMAX - 1);
  EXPECT_EQ(parse_signal("64").value(), 64);
  for (const char* text :
       {"", "SIG", "0", "65", "-1", "SIGNOTHING", "15x", "SIG15", "RTMIN+", "RTMIN-1", "RTMIN+31",
        "RTMAX-99999999999", "RTMAX+1", "RTMAX--1", "RTMIN+-1"}) {
    EXPECT_THAT(parse_signal(text), Fails(Errc::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace supermachine::cli
