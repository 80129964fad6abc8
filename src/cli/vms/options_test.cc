// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/options.h"

#include <csignal>

#include "cli/run_options.h"
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

TEST(DetachedRunOptions, AreTaken) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto options,
      parsed(parse_run_options, {"-d", "-p", "8080:80", "--name", "web", "--rm", "x", "-p",
                                 "127.0.0.2:1:2", "--", "sh", "-d"}));

  EXPECT_TRUE(options.detach && options.remove);
  EXPECT_EQ(options.name, "web");
  EXPECT_THAT(options.ports,
              ElementsAre(PublishedPort{.host = 8080, .guest = 80},
                          PublishedPort{.address = "127.0.0.2", .host = 1, .guest = 2}));
  EXPECT_THAT(options.command, ElementsAre("sh", "-d"));
}

TEST(DetachedRunOptions, RefuseWhatCannotBeTogether) {
  for (const auto& [words, expected] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"-d", "-it", "x"}, "supermachine exec -it"},
           {{"-d", "-i", "x"}, "supermachine exec -it"},
           {{"-d", "--timing", "x"}, "--timing"},
           {{"-d", "--timeout", "5", "x"}, "--timeout"},
           {{"-d", "--payload", "-", "x"}, "--payload -"},
           {{"--name", "web", "x"}, "add -d"},
           {{"-d", "--name", "-x", "x"}, "'-x'"},
           {{"-d", "-p", "80/udp", "x"}, "'80/udp'"}}) {
    const auto options = parsed(parse_run_options, words);
    ASSERT_THAT(options, Fails(Errc::kInvalidArgument)) << expected;
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
    EXPECT_THAT(options.error().message(), HasSubstr("see 'supermachine run --help'"));
  }
}

TEST(PsOptions, AreTaken) {
  SM_ASSERT_OK_AND_ASSIGN(const auto none, parsed(parse_ps_options, {}));
  SM_ASSERT_OK_AND_ASSIGN(
      const auto all, parsed(parse_ps_options, {"-aq", "--json", "--no-trunc", "--engine", "lab"}));

  EXPECT_FALSE(none.all || none.ids_only || none.json || none.whole_ids);
  EXPECT_TRUE(all.all && all.ids_only && all.json && all.whole_ids);
  EXPECT_EQ(all.engine, Engine::kLab);
  EXPECT_THAT(parsed(parse_ps_options, {"web"}), Fails(Errc::kInvalidArgument));
}

TEST(ExecOptions, AreTakenBeforeTheCommand) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options,
                          parsed(parse_exec_options, {"-it", "-e", "A=b", "-w", "/srv", "-u", "www",
                                                      "web", "sh", "-c", "-e"}));

  EXPECT_TRUE(options.interactive && options.tty);
  EXPECT_EQ(options.vm, "web");
  EXPECT_EQ(options.workdir, "/srv");
  EXPECT_EQ(options.user, "www");
  EXPECT_THAT(options.env, ElementsAre(Pair("A", "b")));
  EXPECT_THAT(options.command, ElementsAre("sh", "-c", "-e"));
}

TEST(ExecOptions, TakeADetachedCommandWithoutATerminal) {
  SM_ASSERT_OK_AND_ASSIGN(const auto options,
                          parsed(parse_exec_options, {"-d", "web", "ls", "-t"}));

  EXPECT_TRUE(options.detach);
  for (const char* option : {"-dt", "-di"}) {
    EXPECT_THAT(parsed(parse_exec_options, {option, "web", "ls"}).error().message(),
                HasSubstr("no terminal and no input"));
  }
}

TEST(ExecOptions, RefuseWhatIsMissing) {
  EXPECT_THAT(parsed(parse_exec_options, {}).error().message(), HasSubstr("in which VM"));
  EXPECT_THAT(parsed(parse_exec_options, {"web"}).error().message(), HasSubstr("which command"));
  EXPECT_THAT(parsed(parse_exec_options, {"--entrypoint", "x", "web", "ls"}).error().message(),
              HasSubstr("unknown option --entrypoint"));
}

TEST(LogsOptions, AreTaken) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto options,
      parsed(parse_logs_options, {"-ft", "web", "--tail", "7", "--since", "2026-01-02T03:04:05Z"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto none, parsed(parse_logs_options, {"-n", "0", "web"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto all, parsed(parse_logs_options, {"--tail=all", "web"}));

  EXPECT_TRUE(options.follow && options.timestamps);
  EXPECT_EQ(options.vm, "web");
  EXPECT_EQ(options.tail, 7U);
  EXPECT_EQ(format_time(*options.since), "2026-01-02T03:04:05.000000000Z");
  EXPECT_EQ(none.tail, 0U);
  EXPECT_EQ(all.tail, std::nullopt);
}

TEST(LogsOptions, KnowHowLongAgo) {
  for (const auto& [text, ago] : std::vector<std::pair<std::string, std::chrono::seconds>>{
           {"90s", 90s}, {"10m", 10min}, {"1h30m", 90min}, {"2h1s", 7201s}}) {
    SM_ASSERT_OK_AND_ASSIGN(const TimePoint time, parse_since(text));
    EXPECT_LT(std::chrono::abs(now() - ago - time), 1s) << text;
  }
  for (const char* text : {"", "10", "m", "-5m", "5d", "5m3", "now", "99999999999h"}) {
    EXPECT_THAT(parse_since(text), Fails(Errc::kInvalidArgument)) << text;
  }
}

TEST(EndOptions, AreTaken) {
  SM_ASSERT_OK_AND_ASSIGN(const auto stop, parsed(parse_stop_options, {"-t", "2.5", "a", "b"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto at_once,
                          parsed(parse_stop_options, {"--time=0", "-s", "QUIT", "a"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto kill, parsed(parse_kill_options, {"a"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto hup, parsed(parse_kill_options, {"-s", "hup", "a"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto rm, parsed(parse_rm_options, {"-f", "a", "b"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto wait, parsed(parse_wait_options, {"a"}));
  SM_ASSERT_OK_AND_ASSIGN(const auto port, parsed(parse_port_options, {"a"}));

  EXPECT_EQ(stop.timeout, 2500ms);
  EXPECT_THAT(stop.vms, ElementsAre("a", "b"));
  EXPECT_EQ(stop.signal, 0);
  EXPECT_EQ(at_once.timeout, 0ms);
  EXPECT_EQ(at_once.signal, SIGQUIT);
  EXPECT_EQ(kill.signal, SIGKILL);
  EXPECT_EQ(hup.signal, SIGHUP);
  EXPECT_TRUE(rm.force);
  EXPECT_THAT(wait.vms, ElementsAre("a"));
  EXPECT_EQ(port.vm, "a");
}

TEST(EndOptions, NeedAVm) {
  for (const auto parse :
       {parse_stop_options, parse_kill_options, parse_rm_options, parse_wait_options}) {
    const auto options = parsed(parse, {});
    ASSERT_THAT(options, Fails(Errc::kInvalidArgument));
    EXPECT_THAT(options.error().message(), HasSubstr("which VM?"));
  }
  EXPECT_THAT(parsed(parse_logs_options, {"a", "b"}).error().message(), HasSubstr("'b'"));
  EXPECT_THAT(parsed(parse_port_options, {}), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::cli
