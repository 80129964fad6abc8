// Exec calls against the agent's server in a process of its own.
#include <gtest/gtest.h>

#include "agent_process.h"
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

class ExecTest : public testing::Test {
 protected:
  Result<ExecResult> run(const rpc::ExecRequest& request, std::string_view input = {}) {
    const Deadline deadline = deadline_in(seconds(10));
    ExecSession session = SM_TRY(ExecSession::start(agent_.connector(), request, deadline));
    return session.collect(input, deadline);
  }

  AgentProcess agent_;
};

TEST_F(ExecTest, CarriesOutputAndExitStatus) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("echo out; echo err >&2; exit 3")));
  EXPECT_EQ(got.out, "out\n");
  EXPECT_EQ(got.err, "err\n");
  EXPECT_EQ(got.status.code, 3U);
  EXPECT_EQ(got.status.signal, 0U);
}

}  // namespace
}  // namespace supermachine::agent
