// SPDX-License-Identifier: Apache-2.0
// Workload and ports against an agent that misbehaves.
#include "client/ports.h"

#include <gtest/gtest.h>

#include "client/exec.h"
#include "client/workload.h"
#include "result_matchers.h"
#include "scripted_agent.h"

namespace supermachine::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(5)); }

TEST(ClientPorts, WhatFollowsTheAnswerToAConnectStaysInTheStream) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kOk).bytes(std::as_bytes(std::span("Sm banner", 9)));
  SM_ASSERT_OK_AND_ASSIGN(const UniqueFd stream, connect_port(agent.connector(), 80, soon()));
  std::array<std::byte, 64> bytes{};
  SM_ASSERT_OK_AND_ASSIGN(const auto got, sys::try_read(stream.get(), bytes));
  EXPECT_EQ(rpc::FrameView{.payload = std::span(bytes).first(got.value_or(0))}.text(), "Sm banner");
}

TEST(ClientPorts, ConnectFailsWithTheAgentsReason) {
  ScriptedAgent agent;
  agent.then(rpc::Failure{.code = Errc::kNotFound, .message = "nothing listens on port 80"});
  const auto refused = connect_port(agent.connector(), 80, soon());
  ASSERT_THAT(refused, Fails(Errc::kNotFound));
  EXPECT_EQ(refused.error().message(), "nothing listens on port 80");
}

TEST(ClientPorts, ConnectWaitsNoLongerThanItsDeadline) {
  ScriptedAgent agent;
  agent.bytes(std::as_bytes(std::span("Sm", 2)));  // half a header
  EXPECT_THAT(connect_port(agent.connector(), 80, deadline_in(milliseconds(20))),
              Fails(Errc::kTimeout));
}

TEST(ClientPorts, ConnectToAnAgentThatHangsUpOrTalksNonsenseFails) {
  ScriptedAgent silent;
  silent.hangs_up();
  EXPECT_THAT(connect_port(silent.connector(), 80, soon()), Fails(Errc::kGuestFault));
  ScriptedAgent mad;
  mad.bytes(std::as_bytes(std::span("HTTP/1.1 200 OK", 15)));
  EXPECT_THAT(connect_port(mad.connector(), 80, soon()), Fails(Errc::kGuestFault));
  ScriptedAgent other;
  other.then(rpc::Started{.pid = 4});
  EXPECT_THAT(connect_port(other.connector(), 80, soon()), Fails(Errc::kGuestFault));
  ScriptedAgent late;
  late.then(rpc::FrameType::kOk, "");
  EXPECT_THAT(connect_port(late.connector(), 0, soon()), Fails(Errc::kInvalidArgument));
}

TEST(ClientPorts, ListenersOfAnotherKindAreRefused) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kOk);
  EXPECT_THAT(list_listeners(agent.connector(), soon()), Fails(Errc::kGuestFault));
  ScriptedAgent none;
  none.then(rpc::Listeners{});
  SM_ASSERT_OK_AND_ASSIGN(const auto listeners, list_listeners(none.connector(), soon()));
  EXPECT_TRUE(listeners.empty());
  EXPECT_THAT(wait_listener(none.connector(), 80, seconds(1)), Fails(Errc::kGuestFault))
      << "an answer that is none";
}

TEST(ClientPorts, AWaitWithoutAnEndIsStillOne) {
  ScriptedAgent agent;
  agent.then(rpc::Listeners{.listeners = {{.port = 80, .address = "::", .pid = 3}}});
  SM_ASSERT_OK_AND_ASSIGN(const auto found,
                          wait_listener(agent.connector(), 80, milliseconds::max()));
  EXPECT_EQ(found.address, "::");
  EXPECT_THAT(wait_listener(agent.connector(), 80, milliseconds(-5)), IsOk());
}

TEST(ClientWorkload, FailuresAreTheAgentsWords) {
  ScriptedAgent agent;
  agent.then(rpc::Failure{.code = Errc::kInvalidArgument, .message = "a workload runs"});
  rpc::StartWorkload request;
  request.command.argv = {"true"};
  EXPECT_THAT(start_workload(agent.connector(), request, soon()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(signal_workload(agent.connector(), 15, soon()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(signal_workload(agent.connector(), 0, soon()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(ExecSession::follow(agent.connector(), soon()), Fails(Errc::kInvalidArgument));
}

TEST(ClientWorkload, AnAnswerOfAnotherKindIsAGuestFault) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kFileEnd);
  rpc::StartWorkload request;
  request.command.argv = {"true"};
  EXPECT_THAT(start_workload(agent.connector(), request, soon()), Fails(Errc::kGuestFault));
  EXPECT_THAT(signal_workload(agent.connector(), 15, soon()), Fails(Errc::kGuestFault));
}

TEST(ClientWorkload, WhatWasSkippedIsCounted) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 7})
      .then(rpc::Skipped{.bytes = 1000})
      .then(rpc::FrameType::kStdout, "tail")
      .then(rpc::Skipped{.bytes = 5})
      .then(rpc::ExitStatus{.code = 2});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, ExecSession::follow(agent.connector(), soon()));
  EXPECT_EQ(session.pid(), 7U);
  SM_ASSERT_OK_AND_ASSIGN(const auto first, session.next_event(soon()));
  EXPECT_TRUE(std::holds_alternative<ExecSession::Stdout>(first));
  EXPECT_EQ(session.skipped(), 1000U);
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult rest, session.collect({}, soon()));
  EXPECT_EQ(session.skipped(), 1005U);
  EXPECT_EQ(rest.status.code, 2U);
}

TEST(ClientWorkload, AFollowerThatIsCutOffHasSeenNoSuccess) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 7}).then(rpc::FrameType::kStdout, "up").hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, ExecSession::follow(agent.connector(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

}  // namespace
}  // namespace supermachine::client
