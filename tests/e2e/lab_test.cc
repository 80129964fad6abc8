// SPDX-License-Identifier: Apache-2.0
// The hand-over to a real lab, from a machine outside of it: what goes in and what comes out.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>

#include "base/files.h"
#include "local_registry.h"
#include "program.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

Launch in_lab(std::vector<std::string> args) {
  args.insert(args.begin(), {"run", "--engine", "lab", test_image("busybox")});
  return {.args = std::move(args)};
}

TEST(Lab, IsEnteredWhereTheHostCannotRunVms) {
  const bool host_can =
      run_program({.args = {"run", "--engine", "kvm", test_image("busybox"), "--", "true"}})
          .status == 0;
  const Ended ended =
      run_program({.args = {"run", test_image("busybox"), "--", "sh", "-c", "echo out; exit 7"}});

  EXPECT_EQ(ended.status, 7);
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err.find("continuing in the lab") == std::string::npos, host_can) << ended.err;
}

TEST(Lab, CarriesStreams) {
  const Ended ended = run_program(in_lab({"-i", "--", "sh", "-c", "cat; echo err >&2"}), "hello\n");

  EXPECT_EQ(ended.out, "hello\n");
  EXPECT_EQ(ended.err, "err\n");
  EXPECT_EQ(ended.status, 0);
}

TEST(Lab, PassesSignalsOn) {
  Program program(in_lab(
      {"--", "sh", "-c", "trap 'echo got; exit 33' INT; echo ready; while :; do sleep 0.1; done"}));
  program.wait_for("ready\n");
  program.signal(SIGINT);

  EXPECT_EQ(program.wait(), 33);
}

TEST(Lab, CarriesATerminal) {
  Launch launch = in_lab({"-it", "--", "sh"});
  launch.terminal = true;
  Program program(launch);
  program.wait_for("#");
  program.write("stty size\r");
  program.wait_for("33 77\r\n");
  program.write("sleep 1000\r");
  ::usleep(1'000'000);
  program.write("\x03");
  program.write("exit 5\r");

  EXPECT_EQ(program.wait(), 5);
  EXPECT_TRUE(program.terminal_is_cooked());
}

// The lab has no network: what --pull always asks of the registry is asked here, and not again.
TEST(Lab, RunsAndBakesWhatWasPulledOutside) {
  auto registry = LocalRegistry::start();
  ASSERT_TRUE(registry.ok()) << registry.error().message();
  ASSERT_TRUE(registry.value().push(test_image("busybox"), "test/busybox:1").ok());
  const std::string reference = registry.value().host() + "/test/busybox:1";

  const Ended ran = run_program({.args = {"run", "-q", "--engine", "lab", "--no-bake", "--pull",
                                          "always", reference, "--", "echo", "out"}});
  const Ended baked = run_program({.args = {"bake", "-q", "--engine", "lab", "--name", "pulled",
                                            "--pull", "always", reference}});

  EXPECT_EQ(ran.out, "out\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(baked.out, "pulled\n");
  EXPECT_EQ(baked.err, "");
}

// Each in a lab of its own: what one captures on this machine's disk, the other starts from.
TEST(Lab, MakesSnapshotsThatTheNextLabStarts) {
  const TempDir dir = TempDir::create().value();
  const std::string snapshot = dir.path() + "/snap";
  const Ended made = run_program({.args = {"snapshot", "--engine", "lab", test_image("busybox"),
                                           snapshot, "--", "sh", "-c", "echo warm > /tmp/state"}});

  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, ::testing::StartsWith(snapshot + ": a snapshot of busybox"));
  EXPECT_EQ(run_program({.args = {"inspect", "--verify", snapshot}}).status, 0);
  const Ended ran =
      run_program({.args = {"run", "--engine", "lab", snapshot, "--", "cat", "/tmp/state"}});
  EXPECT_EQ(ran.out, "warm\n") << ran.err;
}

// Ends the lab that `run -d` leaves up.
class KeptLab : public ::testing::Test {
 protected:
  ~KeptLab() override { EXPECT_EQ(std::system(SM_LAB_STOP), 0); }
};

TEST_F(KeptLab, HasTheVmsThatRunDetached) {
  const Ended started = run_program(
      {.args = {"run", "-d", "--engine", "lab", "-q", "--name", "web", test_image("busybox"), "--",
                "sh", "-c",
                "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"}});
  ASSERT_EQ(started.status, 0) << started.err;
  EXPECT_EQ(started.out.size(), 65U) << started.out;

  const auto in_lab = [](std::vector<std::string> args) {
    args.insert(args.begin() + 1, {"--engine", "lab"});
    return run_program({.args = std::move(args)});
  };
  EXPECT_THAT(in_lab({"ps"}).out, HasSubstr("web\n"));
  EXPECT_EQ(in_lab({"exec", "web", "sh", "-c", "echo hello; exit 3"}).out, "hello\n");
  EXPECT_EQ(in_lab({"exec", "web", "sh", "-c", "exit 3"}).status, 3);
  // Goes on when the connection to the lab by which it was asked for is no more.
  const Ended detached =
      in_lab({"exec", "-d", "web", "sh", "-c", "sleep 1; echo done > /tmp/done"});
  EXPECT_EQ(detached.status, 0) << detached.err;
  const char* const kWait = "until [ -e /tmp/done ]; do sleep 0.1; done; cat /tmp/done";
  EXPECT_EQ(in_lab({"exec", "--timeout", "30", "web", "sh", "-c", kWait}).out, "done\n");
  EXPECT_EQ(in_lab({"stop", "web"}).out, "web\n");
  EXPECT_EQ(in_lab({"logs", "web"}).out, "ready\nbye\n");
  EXPECT_THAT(in_lab({"ps", "-a"}).out, HasSubstr("Exited (0) "));
  EXPECT_EQ(in_lab({"rm", "web"}).status, 0);
  EXPECT_EQ(in_lab({"ps", "-aq"}).out, "");
}

}  // namespace
}  // namespace supermachine
