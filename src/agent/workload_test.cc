// SPDX-License-Identifier: Apache-2.0
// The workload: it outlives the calls that start, follow and signal it.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "agent/output_log.h"
#include "agent_process.h"
#include "client/exec.h"
#include "client/workload.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using client::ExecResult;
using client::ExecSession;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }

class WorkloadTest : public testing::Test {
 protected:
  Result<std::uint32_t> start(std::vector<std::string> argv) {
    rpc::StartWorkload request;
    request.command.argv = std::move(argv);
    return client::start_workload(agent_.connector(), request, soon());
  }
  Result<std::uint32_t> start(const std::string& script) { return start({"sh", "-c", script}); }
  Result<ExecSession> follow() { return ExecSession::follow(agent_.connector(), soon()); }
  Result<ExecResult> follow_to_the_end() { return SM_TRY(follow()).collect({}, soon()); }
  Status signal(int number) { return client::signal_workload(agent_.connector(), number, soon()); }
  // Reads until `text` has come.
  static std::string read_until(ExecSession& session, const std::string& text) {
    std::string seen;
    while (seen.find(text) == std::string::npos) {
      const auto event = session.next_event(soon());
      if (!event.ok()) return seen + " then " + event.error().message();
      if (const auto* out = std::get_if<ExecSession::Stdout>(&event.value())) seen += out->data;
      if (std::holds_alternative<rpc::ExitStatus>(event.value())) return seen + " then its end";
    }
    return seen;
  }

  AgentProcess agent_;
};

TEST_F(WorkloadTest, IsFollowedFromItsBeginningToItsEnd) {
  SM_ASSERT_OK_AND_ASSIGN(const std::uint32_t pid, start("echo out; echo err >&2; exit 7"));
  EXPECT_GT(pid, 1U);
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, follow_to_the_end());
    EXPECT_EQ(got.out, "out\n");
    EXPECT_EQ(got.err, "err\n");
    EXPECT_EQ(got.status.code, 7U);
  }
}

TEST_F(WorkloadTest, IsToldToAllWhoFollow) {
  ASSERT_THAT(start("while read -r line; do :; done < /dev/null; for i in 1 2 3; do echo $i; "
                    "sleep 0.02; done; kill -9 $$"),
              IsOk());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession one, follow());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession other, follow());
  for (ExecSession* session : {&one, &other}) {
    SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session->collect({}, soon()));
    EXPECT_EQ(got.out, "1\n2\n3\n");
    EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGKILL));
  }
}

TEST_F(WorkloadTest, OutlivesWhoFollowsIt) {
  SM_ASSERT_OK_AND_ASSIGN(const std::uint32_t pid, start("echo up; exec sleep 60"));
  {
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session, follow());
    EXPECT_EQ(read_until(session, "up"), "up\n");
  }
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(::kill(static_cast<pid_t>(pid), 0), 0);
  ASSERT_THAT(signal(SIGTERM), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, follow_to_the_end());
  EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(WorkloadTest, IsNotThereBeforeItIsStarted) {
  EXPECT_THAT(follow(), Fails(Errc::kNotFound));
  EXPECT_THAT(signal(SIGTERM), Fails(Errc::kNotFound));
}

TEST_F(WorkloadTest, ThatHasEndedTakesNoSignal) {
  ASSERT_THAT(start("exit 0"), IsOk());
  ASSERT_THAT(follow_to_the_end(), IsOk());
  EXPECT_THAT(signal(SIGTERM), Fails(Errc::kNotFound));
}

TEST_F(WorkloadTest, CannotBeStartedTwiceAtOnceButOnceMoreAfterItsEnd) {
  ASSERT_THAT(start("sleep 60"), IsOk());
  EXPECT_THAT(start("true"), Fails(Errc::kInvalidArgument));
  ASSERT_THAT(signal(SIGKILL), IsOk());
  ASSERT_THAT(follow_to_the_end(), IsOk());

  ASSERT_THAT(start("echo second"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, follow_to_the_end());
  EXPECT_EQ(got.out, "second\n");
}

TEST_F(WorkloadTest, OfAProgramThatIsNotThereFails) {
  const auto missing = start(std::vector<std::string>{"no-such-program"});
  ASSERT_THAT(missing, Fails(Errc::kNotFound));
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("no-such-program: not found in PATH"));
  EXPECT_THAT(start(std::vector<std::string>{"/etc/passwd"}), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(follow(), Fails(Errc::kNotFound)) << "nothing was started";
}

TEST_F(WorkloadTest, RunsAsItWasAsked) {
  rpc::StartWorkload request;
  request.command.argv = {"sh", "-c", "echo $A $PWD $HOME; cat; readlink /proc/self/fd/0"};
  request.command.env = {"A=b"};
  request.command.cwd = "/tmp";
  ASSERT_THAT(client::start_workload(agent_.connector(), request, soon()), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, follow_to_the_end());
  EXPECT_EQ(got.out, "b /tmp /root\n/dev/null\n") << got.err;
}

TEST_F(WorkloadTest, KeepsTheEndOfItsOutputAndCountsTheRest) {
  constexpr std::size_t kSize = 1'000'000;
  ASSERT_THAT(start("head -c 999996 /dev/zero; echo end; exec sleep 60"), IsOk());
  // Until all of it is there.
  for (;;) {
    SM_ASSERT_OK_AND_ASSIGN(ExecSession session, follow());
    if (read_until(session, "end").ends_with("end\n")) break;
  }
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, follow());
  const std::string kept = read_until(session, "end");
  EXPECT_EQ(kept.size(), OutputLog::kKept);
  EXPECT_EQ(session.skipped(), kSize - OutputLog::kKept);
}

TEST_F(WorkloadTest, IsNotHeldBackByWhoDoesNotRead) {
  ASSERT_THAT(start("head -c 20000000 /dev/zero; echo end >&2; exit 3"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession slow, follow());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult quick, follow_to_the_end());
  EXPECT_EQ(quick.status.code, 3U);

  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, slow.collect({}, soon()));
  EXPECT_EQ(got.err, "end\n");
  EXPECT_EQ(got.status.code, 3U);
  EXPECT_EQ(got.out.size() + got.err.size() + slow.skipped(), 20'000'004U);
  EXPECT_GT(slow.skipped(), 0U);
}

TEST_F(WorkloadTest, ThatLeavesAProcessBehindHasEnded) {
  ASSERT_THAT(start("sleep 60 & echo up; exit 4"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, follow_to_the_end());
  EXPECT_EQ(got.out, "up\n");
  EXPECT_EQ(got.status.code, 4U);
}

TEST_F(WorkloadTest, GetsTheSignalsOfWhoFollowsIt) {
  ASSERT_THAT(start("trap 'echo got it; exit 5' USR1; echo ready; while :; do sleep 0.01; done"),
              IsOk());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, follow());
  EXPECT_EQ(read_until(session, "ready"), "ready\n");
  ASSERT_THAT(session.signal(SIGUSR1), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect({}, soon()));
  EXPECT_EQ(got.out, "got it\n");
  EXPECT_EQ(got.status.code, 5U);
}

TEST_F(WorkloadTest, SigkillEndsAllOfIt) {
  ASSERT_THAT(start("set -m; sleep 60 & echo $!; wait"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session, follow());
  const pid_t child = std::stoi(read_until(session, "\n"));
  ASSERT_THAT(signal(SIGKILL), IsOk());
  ASSERT_THAT(session.collect({}, soon()), IsOk());
  for (const Deadline deadline = soon(); ::kill(child, 0) == 0;) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it still runs";
    std::this_thread::sleep_for(milliseconds(2));
  }
}

}  // namespace
}  // namespace supermachine::agent
