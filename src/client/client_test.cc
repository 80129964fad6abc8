// The client against agents that misbehave. What it does with an honest one is in src/agent.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/sys.h"
#include "client/control.h"
#include "client/exec.h"
#include "client/files.h"
#include "result_matchers.h"

namespace supermachine::client {
namespace {

using std::chrono::milliseconds;

Deadline soon() { return deadline_in(milliseconds(2000)); }
Deadline very_soon() { return deadline_in(milliseconds(20)); }

// An agent that has said all it will say before it is asked.
class Script {
 public:
  template <typename Message>
  Script& then(const Message& message) {
    return bytes(rpc::encode(message).value());
  }
  Script& then(rpc::FrameType type, std::string_view payload = {}) {
    return bytes(rpc::encode_frame(type, std::as_bytes(std::span(payload))));
  }
  Script& bytes(std::span<const std::byte> more) {
    said_.insert(said_.end(), more.begin(), more.end());
    return *this;
  }
  Script& hangs_up() {
    hangs_up_ = true;
    return *this;
  }

  // Each connection starts the script again.
  Connector connector() {
    return [this](Deadline) -> Result<UniqueFd> {
      auto [ours, theirs] = SM_TRY(sys::socket_pair());
      std::span<const std::byte> rest(said_);
      while (!rest.empty()) rest = rest.subspan(SM_TRY(sys::write(theirs.get(), rest)));
      peer_ = hangs_up_ ? UniqueFd() : std::move(theirs);
      return std::move(ours);
    };
  }

 private:
  std::vector<std::byte> said_;
  bool hangs_up_ = false;
  UniqueFd peer_;
};

rpc::ExecRequest request() {
  rpc::ExecRequest request;
  request.argv = {"true"};
  request.with_stdin = true;
  return request;
}

TEST(ExecSession, AnEndBeforeTheExitStatusIsAnError) {
  Script agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::FrameType::kStdout, "half").hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, AnEndInsideAFrameIsAnError) {
  Script agent;
  const auto whole = rpc::encode(rpc::ExitStatus{}).value();
  agent.then(rpc::Started{.pid = 1}).bytes(std::span(whole).first(whole.size() - 1)).hangs_up();
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, ASilentAgentIsATimeout) {
  Script agent;
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), very_soon()), Fails(Errc::kTimeout));
}

TEST(ExecSession, AnAgentThatHangsUpAtOnceIsAnError) {
  Script agent;
  agent.hangs_up();
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, BytesThatAreNoFrameAreAnError) {
  Script agent;
  agent.bytes(std::vector<std::byte>(64, std::byte{0x55}));
  EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, FramesOfOtherCallsAreAnError) {
  for (const auto type : {rpc::FrameType::kOk, rpc::FrameType::kExec, rpc::FrameType::kFileData}) {
    Script agent;
    agent.then(type);
    EXPECT_THAT(ExecSession::start(agent.connector(), request(), soon()), Fails(Errc::kGuestFault));
  }
}

TEST(ExecSession, AMalformedStatusIsAnError) {
  Script agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::FrameType::kExited, "short");
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon()), Fails(Errc::kCorrupt));
}

TEST(ExecSession, CreditBeyondTheWindowIsAnError) {
  Script agent;
  agent.then(rpc::Started{.pid = 1}).then(rpc::StdinCredit{.bytes = 1});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.next_event(soon()), Fails(Errc::kGuestFault));
}

TEST(ExecSession, WritesNoMoreThanTheWindow) {
  Script agent;
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
  Script agent;
  agent.then(rpc::Started{.pid = 1})
      .then(rpc::FrameType::kStdout, "12345")
      .then(rpc::FrameType::kStderr, "67890")
      .then(rpc::ExitStatus{});
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent.connector(), request(), soon()));
  EXPECT_THAT(session.collect({}, soon(), 9), Fails(Errc::kExhausted));
}

TEST(ExecSession, TellsItsEndOnce) {
  Script agent;
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
  Script agent;
  agent.then(rpc::FrameType::kFileData, "x");
  EXPECT_THAT(read_file(agent.connector(), "/f", 100, soon()), Fails(Errc::kGuestFault));
}

TEST(ReadFile, AnEndBeforeItsLastFrameIsAnError) {
  Script agent;
  agent.then(rpc::FileInfo{.mode = 0644, .size = 1})
      .then(rpc::FrameType::kFileData, "x")
      .hangs_up();
  EXPECT_THAT(read_file(agent.connector(), "/f", 100, soon()), Fails(Errc::kGuestFault));
}

TEST(ReadFile, AnAgentThatSendsWithoutEndIsCutOff) {
  Script agent;
  agent.then(rpc::FileInfo{});
  for (int i = 0; i < 10; ++i) agent.then(rpc::FrameType::kFileData, "0123456789");
  EXPECT_THAT(read_file(agent.connector(), "/f", 99, soon()), Fails(Errc::kExhausted));
}

TEST(WriteFile, AnAgentThatTakesNothingIsATimeout) {
  Script agent;
  const std::vector<std::byte> much(4 << 20);
  EXPECT_THAT(write_file(agent.connector(), "/f", 0644, much, very_soon()), Fails(Errc::kTimeout));
}

TEST(WriteFile, AnAnswerOtherThanOkIsAnError) {
  Script agent;
  agent.then(rpc::Started{.pid = 1});
  EXPECT_THAT(write_file(agent.connector(), "/f", 0644, std::span<const std::byte>(), soon()),
              Fails(Errc::kGuestFault));
}

Result<ControlConnection> ring(Script& agent, Deadline deadline) {
  return ControlConnection::create(SM_TRY(agent.connector()(deadline)), deadline);
}

TEST(ControlConnection, ReadsTheHello) {
  Script agent;
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
  Script agent;
  rpc::Hello hello;
  hello.version = rpc::kProtocolVersion + 1;
  agent.then(hello);
  EXPECT_THAT(ring(agent, soon()), Fails(Errc::kUnsupported));
}

TEST(ControlConnection, RefusesWhatIsNoHello) {
  Script agent;
  agent.then(rpc::FrameType::kOk);
  EXPECT_THAT(ring(agent, soon()), Fails(Errc::kGuestFault));
}

TEST(ControlConnection, AGuestThatConnectsAndSaysNothingIsATimeout) {
  Script agent;
  EXPECT_THAT(ring(agent, very_soon()), Fails(Errc::kTimeout));
}

}  // namespace
}  // namespace supermachine::client
