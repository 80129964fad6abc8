// SPDX-License-Identifier: Apache-2.0
// Commands in a guest: streams, environment, users, ends.
#include <csignal>
#include <string>

#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Exec : public GuestTest {};

// Every byte value, so that whatever treats one of them specially shows.
std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST_F(Exec, ReportsTheStatus) {
  EXPECT_EQ(sh(vm(), "exit 0").status, 0);
  EXPECT_EQ(sh(vm(), "exit 1").status, 1);
  EXPECT_EQ(sh(vm(), "exit 255").status, 255);
  EXPECT_EQ(sh(vm(), "kill -9 $$").status, 128 + SIGKILL);
}

TEST_F(Exec, ReportsWhatCannotBeRun) {
  SM_ASSERT_OK_AND_ASSIGN(const auto missing,
                          vm().exec_builder().argv({"/no/such/program"}).output());
  EXPECT_EQ(missing.status, 127);
  EXPECT_THAT(missing.stderr, HasSubstr("/no/such/program"));

  SM_ASSERT_OK_AND_ASSIGN(const auto refused, vm().exec_builder().argv({"/etc/passwd"}).output());
  EXPECT_EQ(refused.status, 126);
}

TEST_F(Exec, KeepsOutputAndErrorApartByteForByte) {
  const std::string bytes = all_bytes();
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder()
                              .argv({"sh", "-c", "cat /tmp/bytes; cat /tmp/bytes /tmp/bytes >&2"})
                              .stage_file("/tmp/bytes", bytes)
                              .output());

  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.stdout, bytes);
  EXPECT_EQ(outcome.stderr, bytes + bytes);
}

TEST_F(Exec, FeedsStandardInput) {
  std::string input;
  for (int i = 0; i < 4096; ++i) input += all_bytes();

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder().argv({"cat"}).input(input).output());

  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.stdout == input);
}

TEST_F(Exec, HasEmptyStandardInputUnlessAsked) { EXPECT_EQ(sh_output(vm(), "wc -c"), "0"); }

TEST_F(Exec, TakesInputWhileItRuns) {
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec_builder().argv({"cat"}).with_stdin().spawn());

  for (const std::string line : {"one\n", "two\n"}) {
    ASSERT_THAT(child.write_stdin(line, 10s), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const ExecEvent event, child.next(10s));
    ASSERT_TRUE(std::holds_alternative<ExecStdout>(event));
    EXPECT_EQ(std::get<ExecStdout>(event).data, line);
  }
  child.close_stdin();
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 0);
}

TEST_F(Exec, GivesTheImagesEnvironmentAndOurs) {
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, vm().exec_builder()
                                                  .argv({"env"})
                                                  .env("A", "b c")
                                                  .env("EMPTY", "")
                                                  .env("HOME", "/elsewhere")
                                                  .output());

  EXPECT_THAT(outcome.stdout, HasSubstr("PATH=/usr/local/sbin:/usr/local/bin:"));
  EXPECT_THAT(outcome.stdout, HasSubstr("A=b c\n"));
  EXPECT_THAT(outcome.stdout, HasSubstr("EMPTY=\n"));
  EXPECT_THAT(outcome.stdout, HasSubstr("HOME=/elsewhere\n"));
}

TEST_F(Exec, MakesTheWorkingDirectory) {
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder().argv({"pwd"}).cwd("/made/for/this").output());

  EXPECT_EQ(outcome.stdout, "/made/for/this\n");
}

TEST_F(Exec, RunsAsUsersOfTheImage) {
  const auto ids = [&](const std::string& user) {
    auto outcome =
        vm().exec_builder().argv({"sh", "-c", "echo $(id -u):$(id -g) $HOME"}).user(user).output();
    return outcome.ok() ? outcome.value().stdout : outcome.error().message();
  };

  EXPECT_EQ(ids(""), "0:0 /root\n");
  EXPECT_EQ(ids("app"), "1000:1000 /home/app\n");
  EXPECT_EQ(ids("1000"), "1000:1000 /home/app\n");
  EXPECT_EQ(ids("app:0"), "1000:0 /home/app\n");
  EXPECT_EQ(ids("4321:77"), "4321:77 /\n");
}

TEST_F(Exec, NamesAnUnknownUser) {
  const auto outcome = vm().exec_builder().argv({"id"}).user("nobody-here").output();

  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(), HasSubstr("nobody-here"));
}

TEST_F(Exec, AnUnprivilegedUserIsHeldToIt) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto outcome,
      vm().exec_builder().argv({"sh", "-c", "echo x > /etc/passwd"}).user("app").output());

  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.stderr, HasSubstr("ermission denied"));
}

TEST_F(Exec, PassesSignalsOn) {
  SM_ASSERT_OK_AND_ASSIGN(
      auto child,
      vm().exec({"sh", "-c", "trap 'echo got; exit 7' USR1; echo up; sleep 60 & wait"}));
  SM_ASSERT_OK_AND_ASSIGN(const ExecEvent up, child.next(10s));
  ASSERT_TRUE(std::holds_alternative<ExecStdout>(up));

  ASSERT_THAT(child.signal(SIGUSR1), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.stdout, "got\n");
}

TEST_F(Exec, IsEndedBySignals) {
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec({"sleep", "60"}));

  ASSERT_THAT(child.signal(SIGTERM), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 128 + SIGTERM);
}

TEST_F(Exec, IsEndedByItsTimeout) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto outcome,
      vm().exec_builder().argv({"sh", "-c", "echo before; sleep 60"}).timeout(500ms).output());

  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.success());
  EXPECT_EQ(outcome.stdout, "before\n");
  EXPECT_GE(outcome.duration, 500ms);
  EXPECT_LT(outcome.duration, 30s);
}

TEST_F(Exec, AWaitThatTimesOutLeavesTheCommandRunning) {
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec_builder().argv({"cat"}).with_stdin().spawn());

  EXPECT_THAT(child.next(100ms), Fails(Errc::kTimeout));

  child.close_stdin();
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 0);
}

TEST_F(Exec, DroppingTheChildKillsTheCommand) {
  {
    SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec({"sleep", "4242"}));
    EXPECT_EQ(processes_once(vm(), "sleep 4242", 1), 1);
  }
  EXPECT_EQ(processes_once(vm(), "sleep 4242", 0), 0);
}

TEST_F(Exec, RunsAChainUntilOneFails) {
  SM_ASSERT_OK_AND_ASSIGN(const auto all, vm().exec_builder()
                                              .argv({"echo", "one"})
                                              .chain({"echo", "two"})
                                              .chain({"echo", "three"})
                                              .output());
  EXPECT_EQ(all.stdout, "one\ntwo\nthree\n");
  EXPECT_EQ(all.step, 2U);

  SM_ASSERT_OK_AND_ASSIGN(const auto broken, vm().exec_builder()
                                                 .argv({"echo", "one"})
                                                 .chain({"sh", "-c", "exit 5"})
                                                 .chain({"echo", "three"})
                                                 .output());
  EXPECT_EQ(broken.stdout, "one\n");
  EXPECT_EQ(broken.status, 5);
  EXPECT_EQ(broken.step, 1U);
}

TEST_F(Exec, StagesFilesForTheCommandsUser) {
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder()
                              .argv({"/tmp/staged"})
                              .stage_file("/tmp/staged", "#!/bin/sh\nstat -c '%a %U' $0\n", 0750)
                              .user("app")
                              .output());

  EXPECT_EQ(outcome.stdout, "750 app\n");
}

TEST_F(Exec, TellsPeakMemory) {
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder()
                              .argv({"dd", "if=/dev/zero", "of=/dev/null", "bs=20M", "count=1"})
                              .output());

  EXPECT_EQ(outcome.status, 0);
  EXPECT_GE(outcome.peak_rss_kib, 20U * 1024);
  EXPECT_LT(outcome.peak_rss_kib, 60U * 1024);
}

}  // namespace
}  // namespace supermachine
