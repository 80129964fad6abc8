// SPDX-License-Identifier: Apache-2.0
// What the agent does around a capture, with its server in a process of its own and a kernel that
// only writes down what is asked of it.
#include "agent/restore.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "agent/spawn.h"
#include "agent_process.h"
#include "client/exec.h"
#include "client/files.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using client::ExecResult;
using client::ExecSession;
using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }
Deadline shortly() { return deadline_in(milliseconds(50)); }

constexpr const char* kId = "000102030405060708090a0b0c0d0e0f";

rpc::Restored copy() {
  rpc::Restored copy;
  for (std::size_t i = 0; i < copy.instance_id.size(); ++i) {
    copy.instance_id.at(i) = static_cast<std::byte>(i);
  }
  copy.wall_clock_ns = 1'800'000'000'000'000'001;
  copy.entropy.resize(64);
  return copy;
}

TEST(Uuid, IsOfVersionFour) {
  std::array<std::byte, 16> random;
  random.fill(std::byte{0xff});
  EXPECT_EQ(format_uuid(random), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  random.fill(std::byte{0});
  EXPECT_EQ(format_uuid(random), "00000000-0000-4000-8000-000000000000");
}

class RestoreTest : public testing::Test {
 protected:
  RestoreTest() {
    EXPECT_THAT(make_directories(root_ + "/etc/supermachine"), IsOk());
    agent_.emplace(root_, AgentProcess::Control::kRings);
    control_.emplace(agent_->control(soon()).value());
  }

  [[nodiscard]] std::string text_of(const std::string& name) const {
    return read_file(root_ + name, 1 << 20).value();
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return ::access((root_ + name).c_str(), F_OK) == 0;
  }
  void put(const std::string& name, const std::string& text, mode_t mode = 0644) {
    const UniqueFd fd = sys::open(root_ + name, O_WRONLY | O_CREAT | O_TRUNC, mode).value();
    ASSERT_THAT(write_all(fd.get(), std::as_bytes(std::span(text))), IsOk());
  }
  void put_hook(const std::string& script) {
    put("/etc/supermachine/on-restored", "#!/bin/sh\n" + script + "\n", 0755);
  }

  [[nodiscard]] Status sync_within(Deadline deadline) const {
    return client::sync(agent_->connector(), deadline);
  }

  // The workload's side of the FIFOs.
  void say_ready() {
    const UniqueFd fd = sys::open(root_ + "/run/supermachine/ready", O_WRONLY).value();
    ASSERT_THAT(write_all(fd.get(), std::as_bytes(std::span("\n", 1))), IsOk());
  }
  // Blocks as a shell's read does.
  [[nodiscard]] std::string read_resumed() const {
    const UniqueFd fd = sys::open(root_ + "/run/supermachine/resumed", O_RDONLY).value();
    std::array<std::byte, 128> line;
    const std::size_t size = sys::read(fd.get(), line).value();
    return std::string(rpc::FrameView{.payload = std::span(line).first(size)}.text());
  }

  TempDir dir_ = TempDir::create().value();
  const std::string root_ = dir_.path();
  std::optional<AgentProcess> agent_;
  std::optional<client::ControlConnection> control_;
};

TEST_F(RestoreTest, ChangesTheKernelInTheOrderThatMatters) {
  ASSERT_THAT(control_->prepare({.drop_caches = true}, soon()), IsOk());
  EXPECT_EQ(text_of("/kernel.log"), "cover_boot_id\ndrop_caches\n");
  rpc::Restored self = copy();
  self.hostname = "clone";
  ASSERT_THAT(control_->restored(self, soon()), IsOk());
  EXPECT_EQ(text_of("/kernel.log"),
            "cover_boot_id\ndrop_caches\nclock 1800000000000000001\nentropy 64\nrenew_boot_id\n"
            "hostname clone\n");
}

TEST_F(RestoreTest, TouchesNoMoreThanItIsAskedTo) {
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  ASSERT_THAT(control_->restored(copy(), soon()), IsOk());
  EXPECT_EQ(text_of("/kernel.log"),
            "cover_boot_id\nclock 1800000000000000001\nentropy 64\nrenew_boot_id\n");
  EXPECT_FALSE(exists("/etc/hostname"));
  EXPECT_FALSE(exists("/etc/machine-id"));
  EXPECT_FALSE(exists("/run/supermachine/payload"));
}

TEST_F(RestoreTest, LeavesNamesPayloadAndInstanceInTheirFiles) {
  rpc::Restored self = copy();
  self.hostname = "clone-7";
  self.machine_id = "0123456789abcdef0123456789abcdef";
  self.payload = std::string("a\0b", 3);
  ASSERT_THAT(control_->restored(self, soon()), IsOk());
  EXPECT_EQ(text_of("/etc/hostname"), "clone-7\n");
  EXPECT_EQ(text_of("/etc/machine-id"), self.machine_id + "\n");
  EXPECT_EQ(text_of("/run/supermachine/payload"), self.payload);
  EXPECT_EQ(text_of("/run/supermachine/instance"),
            std::string("instance_id=") + kId + "\nwall_clock_ns=1800000000000000001\n");
}

TEST_F(RestoreTest, ASecondCopyHasNothingOfTheFirst) {
  rpc::Restored first = copy();
  first.payload = "secret of the first";
  ASSERT_THAT(control_->restored(first, soon()), IsOk());
  rpc::Restored second = copy();
  second.wall_clock_ns = 7;
  ASSERT_THAT(control_->restored(second, soon()), IsOk());
  EXPECT_FALSE(exists("/run/supermachine/payload"));
  EXPECT_EQ(text_of("/run/supermachine/instance"),
            std::string("instance_id=") + kId + "\nwall_clock_ns=7\n");
}

TEST_F(RestoreTest, HoldsNewCallsUntilItKnowsWhoItIs) {
  for (const bool is_copy : {false, true}) {
    ASSERT_THAT(control_->prepare({}, soon()), IsOk());
    auto connection = client::Connection::create(agent_->connector()(soon()).value()).value();
    connection.send(rpc::FrameType::kSync);
    EXPECT_THAT(connection.next(shortly()), Fails(Errc::kTimeout));
    ASSERT_THAT(is_copy ? control_->restored(copy(), soon()) : control_->resumed(soon()), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const rpc::FrameView answer, connection.next(soon()));
    EXPECT_EQ(answer.type, rpc::FrameType::kOk);
  }
}

TEST_F(RestoreTest, HoldsTheRequestOfAnIdleConnectionWithAllThatFollowsIt) {
  auto connection = client::Connection::create(agent_->connector()(soon()).value()).value();
  connection.send(rpc::FrameType::kSync);
  ASSERT_THAT(connection.next(soon()), IsOk());
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  const std::string path = root_ + "/file";
  ASSERT_THAT(connection.send(rpc::WriteFile{.path = path}), IsOk());
  const std::string data(300'000, 'd');
  for (std::size_t at = 0; at < data.size(); at += 60'000) {
    connection.send(rpc::FrameType::kFileData, std::as_bytes(std::span(data)).subspan(at, 60'000));
  }
  connection.send(rpc::FrameType::kFileEnd);
  EXPECT_THAT(connection.next(shortly()), Fails(Errc::kTimeout));
  EXPECT_FALSE(exists("/file"));
  ASSERT_THAT(control_->restored(copy(), soon()), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const rpc::FrameView answer, connection.next(soon()));
  EXPECT_EQ(answer.type, rpc::FrameType::kOk);
  EXPECT_EQ(text_of("/file"), data);
}

TEST_F(RestoreTest, ForgetsAHeldCallWhoseHostIsGone) {
  const std::string path = root_ + "/file";
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  {
    auto connection = client::Connection::create(agent_->connector()(soon()).value()).value();
    ASSERT_THAT(connection.send(rpc::WriteFile{.path = path}), IsOk());
    EXPECT_THAT(connection.next(shortly()), Fails(Errc::kTimeout));
  }
  std::this_thread::sleep_for(milliseconds(20));
  ASSERT_THAT(control_->resumed(soon()), IsOk());
  EXPECT_THAT(sync_within(soon()), IsOk());
  EXPECT_FALSE(exists("/file"));
}

TEST_F(RestoreTest, LetsRunningCallsGoOn) {
  rpc::ExecRequest request;
  request.argv = {"/bin/cat"};
  request.with_stdin = true;
  SM_ASSERT_OK_AND_ASSIGN(ExecSession session,
                          ExecSession::start(agent_->connector(), request, soon()));
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecResult got, session.collect("through", soon()));
  EXPECT_EQ(got.out, "through");
}

TEST_F(RestoreTest, FailsClosed) {
  for (const char* step : {"clock", "entropy", "renew_boot_id"}) {
    put("/refuse", step);
    ASSERT_THAT(control_->prepare({}, soon()).ok() ? control_->restored(copy(), soon()) : Status(),
                Fails(Errc::kOs))
        << step;
    const Status refused = sync_within(soon());
    ASSERT_THAT(refused, Fails(Errc::kOs)) << step;
    EXPECT_NE(refused.error().message().find(std::string(step) + ": refused"), std::string::npos)
        << refused.error().message();
    EXPECT_THAT(control_->resumed(soon()), Fails(Errc::kOs)) << "a copy is not its source";
    EXPECT_THAT(control_->prepare({}, soon()), Fails(Errc::kOs)) << step;

    put("/refuse", "nothing");
    ASSERT_THAT(control_->restored(copy(), soon()), IsOk()) << step;
    EXPECT_THAT(sync_within(soon()), IsOk()) << step;
  }
}

TEST_F(RestoreTest, RefusesHeldCallsWhenItFails) {
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  auto connection = client::Connection::create(agent_->connector()(soon()).value()).value();
  connection.send(rpc::FrameType::kSync);
  EXPECT_THAT(connection.next(shortly()), Fails(Errc::kTimeout));
  put("/refuse", "clock");
  ASSERT_THAT(control_->restored(copy(), soon()), Fails(Errc::kOs));
  SM_ASSERT_OK_AND_ASSIGN(const rpc::FrameView answer, connection.next(soon()));
  EXPECT_EQ(answer.type, rpc::FrameType::kFailure);
}

TEST_F(RestoreTest, HoldsNothingWhenItCannotPrepare) {
  put("/refuse", "cover_boot_id");
  EXPECT_THAT(control_->prepare({}, soon()), Fails(Errc::kOs));
  EXPECT_THAT(sync_within(soon()), IsOk());
}

TEST_F(RestoreTest, RunsTheWorkloadsCommandBeforeItAnswers) {
  put_hook("sleep 0.05; echo $SUPERMACHINE_INSTANCE $(cat $SUPERMACHINE_PAYLOAD) > " + root_ +
           "/seen; echo much; echo noise >&2");
  rpc::Restored self = copy();
  self.payload = "hello";
  ASSERT_THAT(control_->restored(self, soon()), IsOk());
  EXPECT_EQ(text_of("/seen"), std::string(kId) + " hello\n");
}

TEST_F(RestoreTest, HoldsCallsWhileTheWorkloadsCommandRuns) {
  put_hook("sleep 0.2");
  ASSERT_THAT(control_->restored(copy(), shortly()), Fails(Errc::kTimeout));
  EXPECT_THAT(sync_within(shortly()), Fails(Errc::kTimeout));
  EXPECT_THAT(sync_within(soon()), IsOk());
}

TEST_F(RestoreTest, AnswersInOrderThoughTheWorkloadsCommandTakesItsTime) {
  put_hook("sleep 0.1; exit 1");
  ASSERT_THAT(control_->restored(copy(), shortly()), Fails(Errc::kTimeout));
  // The failure of the first is overdue, and the second waits for it.
  put_hook("exit 0");
  EXPECT_THAT(control_->restored(copy(), soon()), IsOk());
}

TEST_F(RestoreTest, FailsWithTheLastWordsOfTheWorkloadsCommand) {
  put_hook("echo first >&2; echo no license >&2; exit 4");
  const Status refused = control_->restored(copy(), soon());
  ASSERT_THAT(refused, Fails(Errc::kGuestFault));
  EXPECT_TRUE(refused.error().message().ends_with("on-restored exited with 4: no license"))
      << refused.error().message();
  EXPECT_THAT(sync_within(soon()), Fails(Errc::kGuestFault));
}

TEST(Hook, IsKilledWithItsSessionAtItsLimit) {
  const TempDir dir = TempDir::create().value();
  const std::string path = dir.path() + "/hook";
  {
    const UniqueFd fd = sys::open(path, O_WRONLY | O_CREAT, 0755).value();
    const std::string script = "#!/bin/sh\necho waiting >&2\nsleep 60 & sleep 60\n";
    ASSERT_THAT(write_all(fd.get(), std::as_bytes(std::span(script))), IsOk());
  }
  const auto loop = EventLoop::create().value();
  const auto reaper = Reaper::create(*loop).value();
  Services services{.loop = *loop, .reaper = *reaper, .root = "", .shutdown = {}};
  std::optional<Status> ended;
  SM_ASSERT_OK_AND_ASSIGN(const auto hook,
                          Hook::start(services, path, {kDefaultPath}, milliseconds(100),
                                      [&](Status status) { ended = std::move(status); }));
  for (const Deadline end = soon(); !ended && std::chrono::steady_clock::now() < end;) {
    ASSERT_THAT(loop->run_once(end), IsOk());
  }
  ASSERT_TRUE(ended);
  ASSERT_THAT(*ended, Fails(Errc::kTimeout));
  EXPECT_EQ(ended->error().message(), path + " did not end within 100 ms: waiting");
}

TEST_F(RestoreTest, PassesOverACommandThatCannotBeExecuted) {
  put("/etc/supermachine/on-restored", "#!/bin/sh\nexit 1\n", 0644);
  EXPECT_THAT(control_->restored(copy(), soon()), IsOk());
}

TEST_F(RestoreTest, FailsWhenTheWorkloadsCommandHasNoInterpreter) {
  put("/etc/supermachine/on-restored", "#!/no/such\n", 0755);
  EXPECT_THAT(control_->restored(copy(), soon()), Fails(Errc::kOs));
}

TEST_F(RestoreTest, TellsTheHostThatTheWorkloadIsReady) {
  EXPECT_FALSE(control_->ready());
  say_ready();
  EXPECT_THAT(control_->wait_ready(soon()), IsOk());
  say_ready();
  EXPECT_THAT(control_->wait_ready(soon()), IsOk());
}

TEST_F(RestoreTest, AnybodyMaySayReady) {
  struct stat info {};
  ASSERT_EQ(::stat((root_ + "/run/supermachine/ready").c_str(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0622U);
}

TEST_F(RestoreTest, WakesTheWorkloadThatWaits) {
  std::string woken;
  std::thread workload([&] {
    say_ready();
    woken = read_resumed();
  });
  EXPECT_THAT(control_->wait_ready(soon()), IsOk());
  EXPECT_THAT(control_->prepare({}, soon()), IsOk());
  EXPECT_THAT(control_->restored(copy(), soon()), IsOk());
  workload.join();
  EXPECT_EQ(woken, std::string("restored ") + kId + "\n");
}

TEST_F(RestoreTest, KeepsTheLineForAWorkloadThatHasNotComeToReadingIt) {
  for (const bool is_copy : {true, false}) {
    say_ready();
    ASSERT_THAT(control_->wait_ready(soon()), IsOk());
    ASSERT_THAT(control_->prepare({}, soon()), IsOk());
    ASSERT_THAT(is_copy ? control_->restored(copy(), soon()) : control_->resumed(soon()), IsOk());
    EXPECT_EQ(read_resumed(), is_copy ? std::string("restored ") + kId + "\n" : "resumed\n");
  }
}

TEST_F(RestoreTest, KeepsNoLineThatNobodyAskedFor) {
  ASSERT_THAT(control_->restored(copy(), soon()), IsOk());
  const UniqueFd fd = sys::open(root_ + "/run/supermachine/resumed", O_RDONLY | O_NONBLOCK).value();
  std::array<std::byte, 16> line;
  EXPECT_EQ(sys::read(fd.get(), line).value(), 0U) << "at its end: nobody holds it for writing";
}

TEST_F(RestoreTest, RingsAgainAndGoesOnWhereTheConnectionWasLost) {
  ASSERT_THAT(control_->prepare({}, soon()), IsOk());
  control_.reset();
  SM_ASSERT_OK_AND_ASSIGN(client::ControlConnection again, agent_->control(soon()));
  EXPECT_THAT(sync_within(shortly()), Fails(Errc::kTimeout));
  ASSERT_THAT(again.restored(copy(), soon()), IsOk());
  EXPECT_THAT(sync_within(soon()), IsOk());
}

TEST_F(RestoreTest, IsNoSourceWhileTheWorkloadsCommandRunsThoughAnotherHostAsks) {
  put_hook("sleep 0.3");
  ASSERT_THAT(control_->restored(copy(), shortly()), Fails(Errc::kTimeout));
  control_.reset();
  SM_ASSERT_OK_AND_ASSIGN(client::ControlConnection again, agent_->control(soon()));
  EXPECT_THAT(again.resumed(soon()), Fails(Errc::kExhausted));
  EXPECT_THAT(again.prepare({}, soon()), Fails(Errc::kExhausted));
  EXPECT_THAT(sync_within(shortly()), Fails(Errc::kTimeout));
  EXPECT_THAT(sync_within(soon()), IsOk());
}

TEST_F(RestoreTest, TellsANewHostThatTheWorkloadBecameReadyMeanwhile) {
  control_.reset();
  std::this_thread::sleep_for(milliseconds(10));
  say_ready();
  SM_ASSERT_OK_AND_ASSIGN(client::ControlConnection again, agent_->control(soon()));
  EXPECT_THAT(again.wait_ready(soon()), IsOk());
}

}  // namespace
}  // namespace supermachine::agent
