// SPDX-License-Identifier: Apache-2.0
// The host's end of the control connection, against agents that say anything.
#include "client/control.h"

#include <gtest/gtest.h>

#include "result_matchers.h"
#include "scripted_agent.h"

namespace supermachine::client {
namespace {

using std::chrono::milliseconds;

Deadline soon() { return deadline_in(milliseconds(2000)); }
Deadline very_soon() { return deadline_in(milliseconds(20)); }

Result<ControlConnection> ring(ScriptedAgent& agent, Deadline deadline) {
  return ControlConnection::create(SM_TRY(agent.connector()(deadline)), deadline);
}

TEST(ControlConnection, ReadsTheHello) {
  ScriptedAgent agent;
  rpc::Hello hello;
  hello.features = {"restore"};
  hello.ready_ns = 9;
  agent.then(hello);
  SM_ASSERT_OK_AND_ASSIGN(const ControlConnection control, ring(agent, soon()));
  EXPECT_EQ(control.hello(), hello);
  EXPECT_TRUE(control.has_feature("restore"));
  EXPECT_FALSE(control.has_feature("restored"));
}

TEST(ControlConnection, RefusesAnotherVersion) {
  ScriptedAgent agent;
  rpc::Hello hello;
  hello.version = rpc::kProtocolVersion + 1;
  agent.then(hello);
  EXPECT_THAT(ring(agent, soon()), Fails(Errc::kUnsupported));
}

TEST(ControlConnection, RefusesWhatIsNoHello) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kOk);
  EXPECT_THAT(ring(agent, soon()), Fails(Errc::kGuestFault));
}

TEST(ControlConnection, AGuestThatConnectsAndSaysNothingIsATimeout) {
  ScriptedAgent agent;
  EXPECT_THAT(ring(agent, very_soon()), Fails(Errc::kTimeout));
}

// A connection whose hello was said before the capture.
Result<ControlConnection> resume(ScriptedAgent& agent) {
  rpc::Hello hello;
  hello.features = {"restore"};
  return ControlConnection::resume(SM_TRY(agent.connector()(soon())), hello);
}

rpc::Restored restored() {
  rpc::Restored restored;
  restored.entropy.resize(rpc::kMinEntropy);
  return restored;
}

TEST(ControlConnection, GoesOnAfterARestoreWithoutAnotherHello) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kOk);
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_TRUE(control.has_feature("restore"));
  EXPECT_THAT(control.restored(restored(), soon()), IsOk());
}

TEST(ControlConnection, TakesAnswersInTheOrderOfItsRequests) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kOk)
      .then(rpc::Failure{.code = Errc::kExhausted, .message = "no"})
      .then(rpc::FrameType::kOk);
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.prepare({.drop_caches = true}, soon()), IsOk());
  const Status refused = control.restored(restored(), soon());
  ASSERT_THAT(refused, Fails(Errc::kExhausted));
  EXPECT_EQ(refused.error().message(), "no");
  EXPECT_THAT(control.resumed(soon()), IsOk());
}

TEST(ControlConnection, RemembersAReadyThatCameBeforeAnAnswer) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kReady).then(rpc::FrameType::kOk);
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.prepare({}, soon()), IsOk());
  EXPECT_TRUE(control.ready());
  EXPECT_THAT(control.wait_ready(soon()), IsOk());
  EXPECT_FALSE(control.ready());
  EXPECT_THAT(control.wait_ready(very_soon()), Fails(Errc::kTimeout));
}

TEST(ControlConnection, CountsEachReady) {
  ScriptedAgent agent;
  agent.then(rpc::FrameType::kReady).then(rpc::FrameType::kReady);
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_TRUE(control.ready());
  EXPECT_TRUE(control.ready());
  EXPECT_THAT(control.wait_ready(soon()), IsOk());
  EXPECT_THAT(control.wait_ready(soon()), IsOk());
  EXPECT_FALSE(control.ready());
}

TEST(ControlConnection, AnAnswerThatComesTooLateIsNotTheNextOne) {
  ScriptedAgent agent;
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.prepare({}, very_soon()), Fails(Errc::kTimeout));

  std::vector<std::byte> late = rpc::encode_frame(rpc::FrameType::kOk, {});
  const auto failure = rpc::encode(rpc::Failure{.message = "second"}).value();
  late.insert(late.end(), failure.begin(), failure.end());
  ASSERT_THAT(sys::write(agent.peer(), late), IsOk());

  const Status second = control.resumed(soon());
  ASSERT_THAT(second, Fails(Errc::kOs));
  EXPECT_EQ(second.error().message(), "second");
}

TEST(ControlConnection, ThatEndsInsteadOfAnAnswerIsAnError) {
  ScriptedAgent agent;
  agent.hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.restored(restored(), soon()), Fails(Errc::kGuestFault));
  EXPECT_FALSE(control.ready());
  EXPECT_THAT(control.wait_ready(soon()), Fails(Errc::kGuestFault));
}

TEST(ControlConnection, AnAnswerThatIsNoneIsAnError) {
  ScriptedAgent agent;
  agent.then(rpc::Started{.pid = 1});
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.resumed(soon()), Fails(Errc::kGuestFault));
}

TEST(ControlConnection, ARestoreThatCannotBeSaidIsNotSent) {
  ScriptedAgent agent;
  SM_ASSERT_OK_AND_ASSIGN(ControlConnection control, resume(agent));
  EXPECT_THAT(control.restored(rpc::Restored{}, soon()), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine::client
