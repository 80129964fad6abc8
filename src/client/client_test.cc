// SPDX-License-Identifier: Apache-2.0
// The client against agents that misbehave. What it does with an honest one is in src/agent.
#include <gtest/gtest.h>

#include "client/exec.h"
#include "client/files.h"
#include "result_matchers.h"
#include "scripted_agent.h"

namespace supermachine::client {
namespace {

using std::chrono::milliseconds;

Deadline soon() { return deadline_in(milliseconds(2000)); }
Deadline very_soon() { return deadline_in(milliseconds(20)); }

rpc::ExecRequest request() {
  rpc::ExecRequest request;
  request.argv = {"true"};
  request.with_stdin = true;
  return request;
}

TEST(ExecSession, AnEndBeforeTheExitStatusIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::FrameType::kStdout, "half").hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, AnEndInsideAFrameIsAnError) {
  ScriptedAgent agent;
  const auto whole = rpc::encode(rpc::ExitStatus{}).value();
  agent.then(rpc::Started{.pid = 1}).bytes(std::span(whole).first(whole.size() - 1)).hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, ASilentAgentIsATimeout) {
  ScriptedAgent agent;
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), very_soon()), Fails(Errc::kTimeout));
}

TEST(ExecSession, AnAgentThatHangsUpAtOnceIsAnError) {
  ScriptedAgent agent;
  agent.hangs_up();
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, BytesThatAreNoFrameAreAnError) {
  ScriptedAgent agent;
  agent.bytes(std::vector<std::byte>(64, std::byte{0x55}));
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, FramesOfOtherCallsAreAnError) {
  for (const auto type : {rpc::FrameType::kOk, rpc::FrameType::kExec, rpc::FrameType::kFileData}) {
    ScriptedAgent agent;
    agent.then(type);
    EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
  }
}

TEST(ExecSession, AMalformedStatusIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::FrameType::kExited, "short");
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kCorrupt));
}

TEST(ExecSession, CreditBeyondTheWindowIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::StdinCredit{.bytes = 1});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.next_event(soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, WritesNoMoreThanTheWindow) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  const std::vector<std::byte> much(2 * rpc::kStdinWindow);
  std::size_t taken = 0;
  for (std::size_t more = 1; more != 0; taken += more) {
    more = session.try_write_stdin(much).value();
  }
  EXPECT_GT(taken, 0U);
  EXPECT_LE(taken, rpc::kStdinWindow);
  EXPECT_THAT(session.write_stdin(much, very_soon()), Fails(Errc::kTimeout));
}

TEST(ExecSession, StopsCollectingAtItsLimit) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1})
      .then(rpc::FrameType::kStdout, "12345")
      .then(rpc::FrameType::kStderr, "67890")
      .then(rpc::ExitStatus{});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon(), 9), Fails(Errc::kExhausted));
}

TEST(ExecSession, TellsItsEndOnce) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::ExitStatus{.code = 4});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  SM_ASSERT_OK_AND_ASSIGN(const auto event, session.next_event(soon()));
  EXPECT_EQ(std::get<rpc::ExitStatus>(event).code, 4U);
  EXPECT_THAT(session.next_event(soon()), Fails(Errc::kInvalidArgument));
}

TEST(ExecSession, ARequestThatCannotBeSentCostsNoConnection) {
  const Connector never = [](Deadline) -> Result<UniqueFd> {
    return Error(Errc::kGuestFault, "connected");
  };
  rpc::ExecRequest empty;
  EXPECT_THAT(ExecSession::start(never, empty, soon()), Fails(Errc::kInvalidArgument));
}

TEST(ReadFile, DataBeforeTheInfoIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kFileData, "x");
  EXPECT_THAT(read_file(agent.connector(), "/f", 100, soon()), Fails(Errc::kGuestFault));
}

TEST(ReadFile, AnEndBeforeItsLastFrameIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::FileInfo{.mode = 0644, .size = 1})
      .then(rpc::FrameType::kFileData, "x")
      .hangs_up();
  EXPECT_THAT(read_file(agent.connector(), "/f", 100, soon()), Fails(Errc::kGuestFault));
}

TEST(ReadFile, AnAgentThatSendsWithoutEndIsCutOff) {
  ScriptedAgent agent;
  agent.then(rpc::FileInfo{});
  for (int i = 0; i < 10; ++i) agent.then(rpc::FrameType::kFileData, "0123456789");
  EXPECT_THAT(read_file(agent.connector(), "/f", 99, soon()), Fails(Errc::kExhausted));
}

TEST(WriteFile, AnAgentThatTakesNothingIsATimeout) {
  ScriptedAgent agent;
  const std::vector<std::byte> much(4 << 20);
  EXPECT_THAT(write_file(agent.connector(), "/f", 0644, much, very_soon()), Fails(Errc::kTimeout));
}

TEST(WriteFile, AnAnswerOtherThanOkIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1});
  EXPECT_THAT(write_file(agent.connector(), "/f", 0644, std::span<const std::byte>(), soon()),
              Fails(Errc::kGuestFault));
}

}  // namespace
}  // namespace supermachine::client
