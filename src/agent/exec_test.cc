// SPDX-License-Identifier: Apache-2.0
// Exec calls against the agent's server in a process of its own: what a command is given and what
// comes back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

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

rpc::ExecRequest command(std::vector<std::string> argv) {
  rpc::ExecRequest request;
  request.argv = std::move(argv);
  return request;
}

rpc::ExecRequest shell(const std::string& script) { return command({"/bin/sh", "-c", script}); }

class ExecTest : public testing::Test {
 protected:
  Result<ExecSession> start(const rpc::ExecRequest& request) {
    return ExecSession::start(agent_.connector(), request, soon());
  }
  Result<ExecResult> run(const rpc::ExecRequest& request, std::string_view input = {}) {
    ExecSession session = SM_TRY(start(request));
    return session.collect(input, soon());
  }
  static Deadline soon() { return deadline_in(seconds(10)); }

  AgentProcess agent_;
};

TEST_F(ExecTest, KeepsOutputErrorAndStatusApart) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("echo out; echo err >&2; exit 3")));
  EXPECT_EQ(got.out, "out\n");
  EXPECT_EQ(got.err, "err\n");
  EXPECT_EQ(got.status.code, 3U);
  EXPECT_EQ(got.status.signal, 0U);
  EXPECT_FALSE(got.status.timed_out);
}

TEST_F(ExecTest, TellsPeakMemoryAndDuration) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("sleep 0.05")));
  EXPECT_GT(got.status.peak_rss_kib, 100U);
  EXPECT_GE(got.status.duration_ns, 50'000'000U);
  EXPECT_LT(got.status.duration_ns, 5'000'000'000U);
}

TEST_F(ExecTest, ReportsTheSignalThatEndedIt) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("kill -SEGV $$")));
  EXPECT_EQ(got.status.signal, static_cast<std::uint32_t>(SIGSEGV));
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecTest, CarriesEveryByteBothWays) {
  std::string input;
  for (int i = 0; i < 300'000; ++i) input.push_back(static_cast<char>(i * 7 + i / 256));
  auto request = command({"/bin/cat"});
  request.with_stdin = true;
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request, input));
  EXPECT_EQ(got.out, input);
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecTest, WithoutStdinACommandReadsNothing) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(command({"/bin/cat"})));
  EXPECT_EQ(got.out, "");
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecTest, ACommandThatReadsOnlyTheStartOfItsInputEnds) {
  auto request = command({"/usr/bin/head", "-c", "3"});
  request.with_stdin = true;
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request, std::string(4'000'000, 'x')));
  EXPECT_EQ(got.out, "xxx");
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecTest, HandsOverEnvironmentAndDirectory) {
  auto request = shell("echo $A $PWD");
  request.env = {"A=b"};
  request.cwd = "/usr";
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.out, "b /usr\n");
}

TEST_F(ExecTest, AddsPathHomeAndHostnameOnlyWhereAbsent) {
  auto request = command({"env"});
  request.env = {"HOME=/nowhere"};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_NE(got.out.find("PATH=/usr/local/sbin:"), std::string::npos) << got.out;
  EXPECT_NE(got.out.find("HOME=/nowhere\n"), std::string::npos) << got.out;
  EXPECT_EQ(got.out.find("HOME=/root"), std::string::npos) << got.out;
  EXPECT_NE(got.out.find("HOSTNAME="), std::string::npos) << got.out;
  EXPECT_EQ(got.out.find("TERM="), std::string::npos) << got.out;
}

TEST_F(ExecTest, StartsWithDefaultSignalsAndNoStrayDescriptors) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(command({"/bin/cat", "/proc/self/status"})));
  for (const char* none : {"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n",
                           "SigCgt:\t0000000000000000\n"}) {
    EXPECT_NE(got.out.find(none), std::string::npos) << got.out;
  }
  // Whoever started this test may have left us some; one more is how ls reads the directory.
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult fds, run(command({"/bin/ls", "/proc/self/fd"})));
  std::istringstream numbers(fds.out);
  int strays = 0;
  for (int fd = 0; numbers >> fd;) strays += fd > 2 && ::fcntl(fd, F_GETFD) != 0 ? 1 : 0;
  EXPECT_LE(strays, 1) << fds.out;
}

TEST_F(ExecTest, LeadsASessionOfItsOwn) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("cut -d' ' -f1,5,6 /proc/$$/stat")));
  const std::string pid = got.out.substr(0, got.out.find(' '));
  EXPECT_EQ(got.out, pid + " " + pid + " " + pid + "\n");
}

TEST_F(ExecTest, MakesTheDirectoryWhenAsked) {
  const TempDir dir = TempDir::create().value();
  auto request = command({"/bin/pwd"});
  request.cwd = dir.path() + "/a/b";
  EXPECT_THAT(run(request), Fails(Errc::kNotFound));
  request.create_cwd = true;
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.out, request.cwd + "\n");
}

TEST_F(ExecTest, NamesTheDirectoryThatIsAbsent) {
  auto request = command({"/bin/true"});
  request.cwd = "/no/such";
  const auto got = run(request);
  ASSERT_THAT(got, Fails(Errc::kNotFound));
  EXPECT_EQ(got.error().message(), "working directory /no/such: No such file or directory");
}

TEST_F(ExecTest, NamesTheUserThatIsUnknown) {
  auto request = command({"/bin/true"});
  request.user = "nobody-here";
  const auto got = run(request);
  ASSERT_THAT(got, Fails(Errc::kNotFound));
  EXPECT_EQ(got.error().message(), "user nobody-here is not in /etc/passwd");
}

TEST_F(ExecTest, AProgramThatIsNotInPathIs127) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(command({"nosuch"})));
  EXPECT_EQ(got.status.code, 127U);
  EXPECT_EQ(got.err,
            "exec: nosuch: not found in PATH "
            "(/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)\n");
}

TEST_F(ExecTest, APathThatIsNotThereIs127) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(command({"/no/such"})));
  EXPECT_EQ(got.status.code, 127U);
  EXPECT_EQ(got.err, "exec: /no/such: not found\n");
}

TEST_F(ExecTest, AFileThatIsNoProgramIs126) {
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(command({"/etc/passwd"})));
  EXPECT_EQ(got.status.code, 126U);
  EXPECT_EQ(got.err, "exec: /etc/passwd: Permission denied\n");
}

TEST_F(ExecTest, AScriptWhoseInterpreterIsAbsentSaysSo) {
  auto request = command({"/bin/true"});
  const TempDir dir = TempDir::create().value();
  request.argv = {dir.path() + "/script"};
  request.staged_files = {
      {.path = request.argv[0], .mode = 0755, .content = "#!/no/interpreter\n"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.status.code, 127U);
  EXPECT_EQ(got.err, "exec: " + request.argv[0] +
                         ": its interpreter or dynamic loader is not in the image\n");
}

TEST_F(ExecTest, AnUnreadableCandidateInPathDoesNotHideALaterOne) {
  const TempDir dir = TempDir::create().value();
  auto request = command({"true"});
  request.env = {"PATH=" + dir.path() + ":/usr/bin:/bin"};
  request.staged_files = {{.path = dir.path() + "/true", .mode = 0644, .content = "x"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.status.code, 0U);
}

TEST_F(ExecTest, RunsTheChainWhileItSucceeds) {
  auto request = shell("echo one");
  request.chain = {{"/bin/sh", "-c", "echo two; exit 7"}, {"/bin/echo", "three"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.out, "one\ntwo\n");
  EXPECT_EQ(got.status.code, 7U);
  EXPECT_EQ(got.status.step, 1U);
}

TEST_F(ExecTest, ChainedCommandsShareOneInput) {
  auto request = command({"/bin/sh", "-c", "read line; echo first $line"});
  request.with_stdin = true;
  request.chain = {{"/bin/cat"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request, "a\nb\nc\n"));
  EXPECT_EQ(got.out, "first a\nb\nc\n");
  EXPECT_EQ(got.status.step, 1U);
}

TEST_F(ExecTest, AMissingProgramInTheChainIsTheChainsEnd) {
  auto request = shell("echo one");
  request.chain = {{"nosuch"}, {"/bin/echo", "three"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.out, "one\n");
  EXPECT_EQ(got.status.code, 127U);
  EXPECT_EQ(got.status.step, 1U);
}

TEST_F(ExecTest, WritesStagedFilesFirstWithTheirModes) {
  const TempDir dir = TempDir::create().value();
  const std::string script = dir.path() + "/script";
  auto request = command({script});
  request.staged_files = {{.path = script, .mode = 0700, .content = "#!/bin/sh\necho staged\n"}};
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(request));
  EXPECT_EQ(got.out, "staged\n");
  struct stat info {};
  ASSERT_EQ(::stat(script.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_F(ExecTest, NamesTheStagedFileThatCannotBeWritten) {
  auto request = command({"/bin/true"});
  request.staged_files = {{.path = "/no/such/file", .mode = 0600, .content = "x"}};
  const auto got = run(request);
  ASSERT_THAT(got, Fails(Errc::kNotFound));
  EXPECT_EQ(got.error().message(), "/no/such/file: No such file or directory");
}

TEST_F(ExecTest, DoesNotWaitForAProcessThatKeepsTheStreams) {
  const auto begin = std::chrono::steady_clock::now();
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, run(shell("sleep 5 & echo started")));
  EXPECT_EQ(got.out, "started\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2));
}

TEST_F(ExecTest, CarriesWhatABackgroundProcessWritesSoonAfter) {
  // It writes when the shell has ended, and has nothing to start first.
  SM_ASSERT_OK_AND_ASSIGN(
      const ExecResult got,
      run(shell("(while kill -0 $$; do :; done 2> /dev/null; echo late) & echo soon")));
  EXPECT_EQ(got.out, "soon\nlate\n");
}

TEST_F(ExecTest, EndsThoughABackgroundProcessWritesForEver) {
  const auto begin = std::chrono::steady_clock::now();
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got,
                          run(shell("(while sleep 0.01; do echo x; done) & echo first")));
  EXPECT_TRUE(got.out.starts_with("first\n")) << got.out;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

}  // namespace
}  // namespace supermachine::agent
