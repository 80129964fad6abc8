// SPDX-License-Identifier: Apache-2.0
// Exec calls with a terminal.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "agent_process.h"
#include "client/exec.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using client::ExecResult;
using client::ExecSession;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }

class TtyTest : public testing::Test {
 protected:
  Result<ExecSession> start(const std::string& script) {
    rpc::ExecRequest request;
    request.argv = {"/bin/sh", "-c", script};
    request.tty = true;
    request.with_stdin = true;
    request.window = {.rows = 31, .cols = 97};
    return ExecSession::start(agent_.connector(), request, soon());
  }
  static Result<std::string> read_until(ExecSession& session, std::string_view text) {
    std::string seen;
    while (seen.find(text) == std::string::npos) {
      const auto event = SM_TRY(session.next_event(soon()));
      if (const auto* out = std::get_if<ExecSession::Stdout>(&event)) seen += out->data;
      if (std::holds_alternative<rpc::ExitStatus>(event)) {
        return Error(Errc::kNotFound, "ended after: " + seen);
      }
    }
    return seen;
  }
  static Status type(ExecSession& session, std::string_view keys) {
    return session.write_stdin(std::as_bytes(std::span(keys)), soon());
  }

  AgentProcess agent_;
};

TEST_F(TtyTest, IsTheControllingTerminalWithItsSizeAndType) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          start("stty size </dev/tty; test -t 0 -a -t 1 -a -t 2 && echo $TERM"));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.out, "31 97\r\nxterm\r\n");
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(TtyTest, TellsTheForegroundJobOfANewSize) {
  SM_ASSERT_OK_AND_ASSIGN(
      ExecSession session,
      start("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"));
  ASSERT_THAT(read_until(session, "ready"), IsOk());
  ASSERT_THAT(session.resize({.rows = 50, .cols = 132}), IsOk());
  EXPECT_THAT(read_until(session, "50 132"), IsOk());
}

TEST_F(TtyTest, ControlCInterruptsTheForegroundJob) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start("echo ready; exec sleep 60"));
  ASSERT_THAT(read_until(session, "ready"), IsOk());
  ASSERT_THAT(type(session, "\x03"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGINT));
}

TEST_F(TtyTest, TheEndOfInputIsTheEndOfFileCharacter) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start("stty -echo; cat; echo over"));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect("line\n", soon()));
  EXPECT_NE(got.out.find("line\r\n"), std::string::npos) << got.out;
  EXPECT_TRUE(got.out.ends_with("over\r\n")) << got.out;
}

TEST_F(TtyTest, CarriesAllOutputBeforeTheEnd) {
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start("seq 1 50000"));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.out.size(), 338'894U);
  EXPECT_TRUE(got.out.ends_with("\n50000\r\n"));
}

TEST_F(TtyTest, AHostThatVanishesHangsUpTheTerminal) {
  pid_t pid = 0;
  {
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session, start("set -m; trap '' HUP; sleep 60; sleep 60"));
    pid = static_cast<pid_t>(session.pid().value());
  }
  for (const Deadline deadline = soon(); std::chrono::steady_clock::now() < deadline;) {
    if (::kill(pid, 0) != 0) return;
    std::this_thread::sleep_for(milliseconds(5));
  }
  FAIL() << "the shell outlived its terminal";
}

TEST_F(TtyTest, SaysOnTheTerminalThatAProgramIsMissing) {
  rpc::ExecRequest request;
  request.argv = {"/no/such"};
  request.tty = true;
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent_.connector(), request, soon()));
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.out, "exec: /no/such: not found\r\n");
  EXPECT_EQ(got.status.code, 127U);
}

}  // namespace
}  // namespace supermachine::agent
