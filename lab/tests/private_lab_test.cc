// SPDX-License-Identifier: Apache-2.0
// A lab for one command: what it leaves behind, and what it says when it cannot be.
#include <gmock/gmock.h>

#include "lab_program.h"

namespace supermachine::lab {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class PrivateLabTest : public testing::Test {
 protected:
  Outcome shell(const std::string& script) { return program_.shell(script); }

  // The emulator of a command in the background, which is its only child.
  static pid_t emulator_of(const Background& command) {
    const std::string tasks = "/proc/" + std::to_string(command.pid()) + "/task/";
    return static_cast<pid_t>(std::atol(slurp_all(tasks).c_str()));
  }
  static std::string slurp_all(const std::string& tasks) {
    std::string out;
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
      out += slurp(task.path().string() + "/children");
    }
    return out;
  }
  static bool is_gone(pid_t pid) {
    const std::string stat = slurp("/proc/" + std::to_string(pid) + "/stat");
    return stat.empty() || stat.find(") Z") != std::string::npos;
  }

  LabProgram program_;
};

TEST_F(PrivateLabTest, StartsRunsAndEnds) {
  const Outcome outcome = shell("echo input | $LAB run sh -c 'cat; exit 7'");

  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "input\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(shell("$LAB status").out, "down\n");
}

// An interrupt that QEMU lost comes along with it.
TEST_F(PrivateLabTest, IsNudgedOnceASecond) {
  const Outcome outcome = shell(R"($LAB run sh -c '
    device=$(basename /sys/bus/virtio/drivers/virtio_console/virtio*)
    interrupts() { awk "\$NF == \"$device\" {print \$2}" /proc/interrupts; }
    before=$(interrupts); sleep 4; echo $(($(interrupts) - before))')");

  EXPECT_GE(std::atoi(outcome.out.c_str()), 3) << outcome.out << outcome.err;
  EXPECT_LT(std::atoi(outcome.out.c_str()), 20);
}

TEST_F(PrivateLabTest, TakesTurnsWithAnother) {
  Background first = program_.in_background("exec $LAB run sh -c 'echo up; sleep 2'");
  ASSERT_TRUE(first.says("up"));

  const Outcome second = shell("$LAB run echo after");

  EXPECT_EQ(second.out, "after\n");
  EXPECT_THAT(second.err, HasSubstr("waiting for another lab"));
  EXPECT_EQ(first.wait().status, 0);
}

TEST_F(PrivateLabTest, TakesTheMachineAlongWhenItIsKilled) {
  Background command = program_.in_background("exec $LAB run sh -c 'echo up; exec sleep 60'");
  ASSERT_TRUE(command.says("up"));
  const pid_t emulator = emulator_of(command);
  ASSERT_GT(emulator, 1);

  command.signal(SIGKILL);

  EXPECT_TRUE(eventually([&] { return is_gone(emulator); }));
}

TEST_F(PrivateLabTest, SaysThatTheMachineEnded) {
  Background command = program_.in_background("exec $LAB run sh -c 'echo up; exec sleep 60'");
  ASSERT_TRUE(command.says("up"));

  ASSERT_EQ(::kill(emulator_of(command), SIGKILL), 0);

  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, StartsWith("lab: the machine ended unexpectedly"));
}

TEST_F(PrivateLabTest, EndsWhenItIsInterruptedWhileStarting) {
  Background command = program_.in_background("exec $LAB run sleep 60");
  ASSERT_TRUE(eventually([&] { return emulator_of(command) > 1; }));

  command.signal(SIGINT);

  EXPECT_EQ(command.wait().status, 130);
}

TEST_F(PrivateLabTest, NamesThePackageOfAMissingEmulator) {
  const Outcome outcome = shell("PATH=/nonexistent $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.err, "lab: qemu-system-x86_64 is missing: apt-get install qemu-system-x86\n");
}

TEST_F(PrivateLabTest, NamesABadValue) {
  const Outcome outcome = shell("SUPERMACHINE_LAB_MEMORY=lots $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.err,
            "lab: SUPERMACHINE_LAB_MEMORY must be a number from 1 to 1048576, not 'lots'\n");
}

TEST_F(PrivateLabTest, NamesAMissingKernel) {
  const Outcome outcome = shell("SUPERMACHINE_LAB_KERNEL=/nonexistent/vmlinux $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.err, "lab: kernel /nonexistent/vmlinux: No such file or directory\n");
}

TEST_F(PrivateLabTest, TellsWhatTheEmulatorSaid) {
  const Outcome outcome = shell("SUPERMACHINE_LAB_KERNEL=/etc/passwd $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, StartsWith("lab: the machine ended while it was starting\n  | "));
}

TEST_F(PrivateLabTest, GivesUpOnAMachineThatDoesNotComeUp) {
  const Outcome outcome =
      shell("SUPERMACHINE_LAB_TIMEOUT=1 SUPERMACHINE_LAB_MEMORY=8 $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, StartsWith("lab: the machine "));
}

TEST_F(PrivateLabTest, TellsWhyALabDidNotStayUp) {
  const Outcome outcome = shell("SUPERMACHINE_LAB_KERNEL=/etc/passwd $LAB start");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, StartsWith("lab: the machine ended while it was starting\n  | "));
  EXPECT_EQ(shell("$LAB stop").status, 0);
}

TEST_F(PrivateLabTest, RecoversFromAKeptLabThatWasKilled) {
  ASSERT_EQ(shell("$LAB start").status, 0);

  shell("kill -9 $(cat $XDG_RUNTIME_DIR/supermachine/lab/lock)");

  EXPECT_TRUE(eventually([&] { return shell("$LAB status").out == "down\n"; }));
  EXPECT_EQ(shell("$LAB run echo private").out, "private\n");
  EXPECT_EQ(shell("$LAB start").status, 0);
  EXPECT_EQ(shell("$LAB run echo kept").out, "kept\n");
  EXPECT_EQ(shell("$LAB stop").status, 0);
}

TEST_F(PrivateLabTest, TellsACommandThatItsKeptLabWasStopped) {
  ASSERT_EQ(shell("$LAB start").status, 0);
  Background command = program_.in_background("exec $LAB run sh -c 'echo up; exec sleep 60'");
  ASSERT_TRUE(command.says("up"));

  EXPECT_EQ(shell("$LAB stop").status, 0);

  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, StartsWith("lab: the lab ended before the command did"));
}

TEST_F(PrivateLabTest, RefusesAStateDirectoryThatOthersCanEnter) {
  const Outcome outcome = shell("mkdir -m 755 $XDG_RUNTIME_DIR/supermachine && $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.err, HasSubstr("must be a directory of yours with mode 0700"));
}

TEST_F(PrivateLabTest, RunsTheCommandDirectlyInsideALab) {
  const Outcome outcome = shell("SUPERMACHINE_IN_LAB=1 $LAB run sh -c 'echo here; exit 3'");

  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.out, "here\n");
}

}  // namespace
}  // namespace supermachine::lab
