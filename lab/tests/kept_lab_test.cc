// SPDX-License-Identifier: Apache-2.0
// A lab that stays up, used as a user does. One machine for all tests of this file.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>

#include <array>
#include <memory>

#include "kvm/uapi.h"
#include "lab_program.h"

namespace supermachine::lab {
namespace {

class KeptLabTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    program_ = std::make_unique<LabProgram>();
    const Outcome started = program_->shell("exec $LAB start");
    ASSERT_EQ(started.status, 0) << started.err;
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(program_->shell("exec $LAB stop").status, 0);
    EXPECT_EQ(program_->shell("exec $LAB status").out, "down\n");
    program_.reset();
  }
  static Outcome shell(const std::string& script) { return program_->shell(script); }
  static std::string inside_processes() {
    return shell("$LAB run sh -c 'cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \"'").out;
  }

  static std::unique_ptr<LabProgram> program_;
};
std::unique_ptr<LabProgram> KeptLabTest::program_;

TEST_F(KeptLabTest, ReportsHowTheCommandEnded) {
  EXPECT_EQ(shell("$LAB run true").status, 0);
  EXPECT_EQ(shell("$LAB run sh -c 'exit 7'").status, 7);
  EXPECT_EQ(shell("$LAB run sh -c 'kill -TERM $$'").status, 143);
  EXPECT_EQ(shell("$LAB run no-such-program").status, 127);
  EXPECT_EQ(shell("$LAB run /etc/passwd").status, 126);
}

TEST_F(KeptLabTest, KeepsOutputAndErrorsApart) {
  const Outcome outcome = shell("$LAB run sh -c 'echo to out; echo to err >&2'");

  EXPECT_EQ(outcome.out, "to out\n");
  EXPECT_EQ(outcome.err, "to err\n");
}

TEST_F(KeptLabTest, CarriesBinaryDataUnchanged) {
  const Outcome outcome = shell("cd " + program_->dir() +
                                " && head -c 67108864 /dev/urandom > data && "
                                "$LAB run cat < data | cmp - data && echo same; rm data");

  EXPECT_EQ(outcome.out, "same\n") << outcome.err;
}

TEST_F(KeptLabTest, PassesTheEndOfInputOn) {
  EXPECT_EQ(shell("printf abc | $LAB run wc -c").out, "3\n");
  EXPECT_EQ(shell("$LAB run wc -c < /dev/null").out, "0\n");
}

TEST_F(KeptLabTest, RunsInTheCallersDirectoryWithItsEnvironment) {
  const Outcome outcome = shell("cd " + program_->dir() +
                                " && ODD='two\nlines é' $LAB run sh -c 'pwd; echo \"$ODD\"; "
                                "echo $SUPERMACHINE_IN_LAB $TMPDIR'");

  EXPECT_EQ(outcome.out, program_->dir() + "\ntwo\nlines é\n1 /dev/shm/tmp\n");
}

TEST_F(KeptLabTest, SharesFilesBothWaysFromCommandToCommand) {
  for (int i = 0; i < 5; ++i) {
    const std::string value = std::to_string(i);
    const Outcome outcome =
        shell("cd " + program_->dir() + " && echo in" + value +
              " > file && $LAB run sh -c 'cat file; echo out" + value + " > file' && cat file");

    EXPECT_EQ(outcome.out, "in" + value + "\nout" + value + "\n");
  }
}

TEST_F(KeptLabTest, RunsAReplacedProgramThoughTheOldOneWasLeftRunning) {
  const std::string path = program_->dir() + "/program";
  shell("cp /bin/sleep " + path);
  ASSERT_EQ(shell("$LAB run sh -c 'setsid " + path + " 4712 > /dev/null 2>&1 & sleep 0.3'").status,
            0);

  shell("rm " + path + "; cp /bin/echo " + path);

  EXPECT_EQ(shell("$LAB run " + path + " new").out, "new\n");
  EXPECT_EQ(inside_processes().find("program 4712"), std::string::npos);
}

TEST_F(KeptLabTest, ForwardsSignals) {
  Background command = program_->in_background(
      "exec $LAB run sh -c 'trap \"echo caught; exit 9\" INT; echo ready; "
      "while :; do sleep 0.1; done'");
  ASSERT_TRUE(command.says("ready"));

  command.signal(SIGINT);

  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.status, 9);
  EXPECT_EQ(outcome.out, "ready\ncaught\n");
}

TEST_F(KeptLabTest, EndsTheCommandOfACallerThatWasKilled) {
  Background command = program_->in_background("exec $LAB run sh -c 'echo up; exec sleep 4711'");
  ASSERT_TRUE(command.says("up"));
  ASSERT_NE(inside_processes().find("sleep 4711"), std::string::npos);

  command.signal(SIGKILL);

  EXPECT_EQ(command.wait().status, 137);
  EXPECT_TRUE(
      eventually([] { return inside_processes().find("sleep 4711") == std::string::npos; }));
}

TEST_F(KeptLabTest, RunsSeveralCommandsAtOnce) {
  Background waits = program_->in_background(
      "exec $LAB run sh -c 'until [ -e /dev/shm/tmp/met ]; do sleep 0.05; done; echo met'");

  EXPECT_EQ(shell("$LAB run touch /dev/shm/tmp/met").status, 0);

  const Outcome outcome = waits.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "met\n");
}

TEST_F(KeptLabTest, EndsACommandAtItsLimit) {
  const Outcome outcome = shell("$LAB run --timeout 1 sleep 60");

  EXPECT_EQ(outcome.status, 124);
  EXPECT_EQ(outcome.err, "lab: the command was ended at its time limit\n");
}

TEST_F(KeptLabTest, SaysThatADirectoryDoesNotExistInside) {
  const Outcome outcome =
      shell("mkdir -p /dev/shm/lab-test && cd /dev/shm/lab-test && $LAB run true");

  EXPECT_EQ(outcome.status, 125);
  EXPECT_EQ(outcome.err, "lab: working directory /dev/shm/lab-test: No such file or directory\n");
  shell("rmdir /dev/shm/lab-test");
}

TEST_F(KeptLabTest, EndsAnEndlessWriterWhoseReaderLeft) {
  const Outcome outcome = shell("$LAB run yes | head -n 1");

  EXPECT_EQ(outcome.out, "y\n");
  EXPECT_TRUE(eventually([] { return inside_processes().find("yes ") == std::string::npos; }));
}

TEST_F(KeptLabTest, IsStartedOnlyOnce) {
  EXPECT_EQ(shell("$LAB start").status, 0);
  EXPECT_EQ(shell("$LAB status").out, "up\n");
}

TEST_F(KeptLabTest, OffersAKvmThatCreatesMachines) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();

  const Outcome outcome = shell("exec $LAB run " + self + " --create-vm");

  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

// The caller's end of a terminal in which a command of the lab runs.
class TerminalTest : public KeptLabTest {
 protected:
  void run(const std::vector<std::string>& arguments) {
    winsize size{.ws_row = 40, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      std::vector<std::string> words{SM_LAB_PROGRAM, "run"};
      words.insert(words.end(), arguments.begin(), arguments.end());
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    terminal_ = UniqueFd(master);
    ASSERT_TRUE(sys::set_nonblocking(master, true).ok());
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  bool shows(const std::string& text) {
    return eventually([&] {
      std::array<std::byte, 4096> chunk;
      const auto got = sys::try_read(terminal_.get(), chunk);
      if (got.ok() && got.value()) {
        // Characters and bytes share one representation.
        screen_.append(reinterpret_cast<const char*>(chunk.data()), *got.value());
      }
      return screen_.find(text) != std::string::npos;
    });
  }
  void type(std::string_view keys) {
    ASSERT_TRUE(sys::write(terminal_.get(), std::as_bytes(std::span(keys))).ok());
  }
  int status() {
    int status = 0;
    if (!eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  UniqueFd terminal_;
  std::string screen_;
  pid_t pid_ = -1;
};

TEST_F(TerminalTest, HasTheCallersSizeAndFollowsIt) {
  run({"sh", "-c", "trap 'stty size; exit 5' WINCH; tty; stty size; while :; do sleep 0.1; done"});
  ASSERT_TRUE(shows("/dev/pts/")) << screen_;
  ASSERT_TRUE(shows("40 100")) << screen_;

  const winsize size{.ws_row = 20, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(terminal_.get(), TIOCSWINSZ, &size), 0);

  EXPECT_TRUE(shows("20 60")) << screen_;
  EXPECT_EQ(status(), 5);
}

TEST_F(TerminalTest, PassesKeysOnAndLetsCtrlCInterruptTheCommand) {
  run({"cat"});
  type("hello\r");
  ASSERT_TRUE(shows("hello\r\nhello\r\n")) << screen_;

  type("\x03");

  EXPECT_EQ(status(), 130);
}

TEST_F(TerminalTest, RunsAShellUntilTheEndOfInput) {
  run({"sh"});
  type("echo $((6 * 7))\r");
  ASSERT_TRUE(shows("42")) << screen_;

  type("\x04");

  EXPECT_EQ(status(), 0);
}

}  // namespace
}  // namespace supermachine::lab

// What OffersAKvmThatCreatesMachines runs inside.
static int create_vm() {
  using namespace supermachine;
  const auto kvm = sys::open("/dev/kvm", O_RDWR);
  if (!kvm.ok()) return 2;
  const auto vm = sys::ioctl(kvm.value().get(), KVM_CREATE_VM, "KVM_CREATE_VM");
  if (!vm.ok()) return 3;
  const UniqueFd owned(vm.value());
  const auto vcpu = sys::ioctl(owned.get(), KVM_CREATE_VCPU, "KVM_CREATE_VCPU");
  if (!vcpu.ok()) return 4;
  const UniqueFd owned_vcpu(vcpu.value());
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--create-vm") return create_vm();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
