// SPDX-License-Identifier: Apache-2.0
// Exec calls that are interrupted: signals, timeouts, slow and vanishing hosts, many at once.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "agent_process.h"
#include "base/files.h"
#include "client/exec.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using client::ExecResult;
using client::ExecSession;
using std::chrono::milliseconds;
using std::chrono::seconds;

rpc::ExecRequest shell(const std::string& script) {
  rpc::ExecRequest request;
  request.argv = {"/bin/sh", "-c", script};
  return request;
}

Deadline soon() { return deadline_in(seconds(10)); }

// Polls, since the process is not ours to wait for.
bool ends_soon(pid_t pid) {
  for (const Deadline deadline = soon(); std::chrono::steady_clock::now() < deadline;) {
    if (::kill(pid, 0) != 0) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

std::size_t resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

// Reads until `text` has come on standard output.
Status wait_for_output(ExecSession& session, std::string_view text) {
  std::string seen;
  while (seen.find(text) == std::string::npos) {
    const auto event = SM_TRY(session.next_event(soon()));
    if (const auto* out = std::get_if<ExecSession::Stdout>(&event)) seen += out->data;
    if (std::holds_alternative<rpc::ExitStatus>(event)) {
      return Error(Errc::kNotFound, "ended after: " + seen);
    }
  }
  return {};
}

class ExecLifeTest : public testing::Test {
 protected:
  Result<ExecSession> start(const rpc::ExecRequest& request) {
    return ExecSession::start(agent_.connector(), request, soon());
  }

  AgentProcess agent_;
};

TEST_F(ExecLifeTest, DeliversSignals) {
  SM_ASSERT_OK_AND_ASSIGN(
      ExecSession session,
      start(shell("trap 'echo got it; exit 5' USR1; echo ready; while :; do sleep 0.01; done")));
  ASSERT_THAT(wait_for_output(session, "ready"), IsOk());

  ASSERT_THAT(session.signal(SIGUSR1), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));

  EXPECT_EQ(got.out, "got it\n");
  EXPECT_EQ(got.status.code, 5U);
}

TEST_F(ExecLifeTest, ASignalReachesTheWholeProcessGroup) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(shell("sleep 60 | sleep 60")));
  ASSERT_THAT(session.signal(SIGTERM), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(ExecLifeTest, ASignalOvertakesInputThatNobodyReads) {
  auto request = shell("exec sleep 60");
  request.with_stdin = true;
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(request));
  const std::vector<std::byte> much(1 << 20);
  SM_ASSERT_OK_AND_ASSIGN(std::size_t taken, session.try_write_stdin(much));
  for (std::size_t more = 1; more != 0; taken += more) {
    more = session.try_write_stdin(std::span(much).subspan(taken)).value();
  }
  EXPECT_LT(taken, much.size()) << "the window never closed";

  ASSERT_THAT(session.signal(SIGKILL), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const auto event, session.next_event(soon()));

  ASSERT_TRUE(std::holds_alternative<rpc::ExitStatus>(event));
  EXPECT_EQ(std::get<rpc::ExitStatus>(event).signal, static_cast<std::uint32_t>(SIGKILL));
}

TEST_F(ExecLifeTest, ATimeoutKillsTheWholeSession) {
  auto request = shell("sleep 60 & echo $!; set -m; sleep 60");
  request.timeout_ms = 100;
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(request));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_TRUE(got.status.timed_out);
  EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_TRUE(ends_soon(std::stoi(got.out)));
}

TEST_F(ExecLifeTest, ATimeoutThatDoesNotPassChangesNothing) {
  auto request = shell("exit 0");
  request.timeout_ms = 60'000;
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(request));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_FALSE(got.status.timed_out);
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecLifeTest, AHostThatVanishesTakesTheCommandWithIt) {
  pid_t pid = 0;
  {
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                            start(shell("trap '' TERM HUP; sleep 60; sleep 60")));
    pid = static_cast<pid_t>(session.pid().value());
    ASSERT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_TRUE(ends_soon(pid));
}

TEST_F(ExecLifeTest, AHostThatVanishesWhileOutputIsHeldBackTakesTheCommandWithIt) {
  pid_t pid = 0;
  {
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(shell("cat /dev/zero")));
    pid = static_cast<pid_t>(session.pid().value());
    std::this_thread::sleep_for(milliseconds(50));
    ASSERT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_TRUE(ends_soon(pid));
}

TEST_F(ExecLifeTest, HoldsBackACommandWhoseOutputNobodyReads) {
  const std::size_t before = resident_kib(agent_.pid());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          start(shell("head -c 30000000 /dev/zero; echo end")));
  std::this_thread::sleep_for(milliseconds(100));

  EXPECT_LT(resident_kib(agent_.pid()), before + 16384) << "the agent swallows what nobody reads";
  EXPECT_EQ(::kill(static_cast<pid_t>(session.pid().value()), 0), 0);
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.out.size(), 30'000'004U);
  EXPECT_TRUE(got.out.ends_with("end\n"));
}

TEST_F(ExecLifeTest, RunsManyAtOnce) {
  constexpr std::size_t kCount = 64;
  std::vector<ExecSession> sessions;
  for (std::size_t i = 0; i < kCount; ++i) {
    auto request = shell("cat; echo " + std::to_string(i));
    request.with_stdin = true;
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(request));
    sessions.push_back(std::move(session));
  }
  for (std::size_t i = 0; i < kCount; ++i) {  // all 64 run and wait for input
    SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, sessions[kCount - 1 - i].collect("in ", soon()));
    EXPECT_EQ(got.out, "in " + std::to_string(kCount - 1 - i) + "\n");
  }
}

TEST_F(ExecLifeTest, LeavesNoZombiesOfOrphans) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(shell("(sleep 0.02 & echo $!)")));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_TRUE(ends_soon(std::stoi(got.out)));
}

TEST_F(ExecLifeTest, ABrokenConnectionIsNeverSuccess) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(shell("echo before; sleep 60")));
  ASSERT_THAT(wait_for_output(session, "before"), IsOk());
  ::kill(agent_.pid(), SIGKILL);
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

TEST_F(ExecLifeTest, WaitsNoLongerThanItsDeadline) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start(shell("sleep 0.2; echo done")));
  EXPECT_THAT(session.next_event(deadline_in(milliseconds(20))), Fails(Errc::kTimeout));
  EXPECT_THAT(wait_for_output(session, "done"), IsOk()) << "the session goes on after a timeout";
}

}  // namespace
}  // namespace supermachine::agent
