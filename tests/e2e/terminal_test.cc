// SPDX-License-Identifier: Apache-2.0
// `supermachine run -it` at a terminal that the test made: window size, Ctrl-C, job control.
#include <gmock/gmock.h>

#include "program.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

Launch shell(std::vector<std::string> args = {"-it", "--", "sh"}) {
  args.insert(args.begin(), {"run", "--engine", "kvm", test_image("busybox")});
  return {.args = std::move(args), .terminal = true};
}

// Types a line whose own echo does not look like its result.
void ask(Program& program, const std::string& line, const std::string& answer) {
  program.out.clear();
  program.write(line + "\r");
  program.wait_for("\n" + answer + "\r\n");
}

TEST(Terminal, HasTheSizeOfOurs) {
  Program program(shell());
  program.wait_for("#");
  ask(program, "stty size", "33 77");
  program.resize(50, 100);
  ask(program, "sleep 0.5; stty size", "50 100");
  program.write("exit 3\r");

  EXPECT_EQ(program.wait(), 3);
}

TEST(Terminal, GivesCtrlCToTheForegroundJob) {
  Program program(shell());
  program.wait_for("#");
  program.write("sleep 1000; echo ended: $?\r");
  ::usleep(500'000);
  program.write("\x03");
  program.wait_for("#");
  ask(program, "echo $((40 + 2))", "42");
  program.write("exit\r");
  program.wait();
}

TEST(Terminal, HasJobControl) {
  Program program(shell());
  program.wait_for("#");
  program.write("sleep 1000\r");
  ::usleep(500'000);
  program.write("\x1a");
  program.wait_for("Stopped");
  ask(program, "kill %1; fg > /dev/null 2>&1; echo still $((40 + 2))", "still 42");
  // Before it prompts the terminal is in line mode, which swallows an end of file.
  program.wait_for("still 42\r\n/ #");
  program.write("\x04");

  EXPECT_EQ(program.wait(), 0);
}

TEST(Terminal, IsOneForTheCommand) {
  Program program(shell({"-it", "--", "sh", "-c", "tty; test -t 0 -a -t 1 -a -t 2 && echo $TERM"}));

  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.out, HasSubstr("/dev/pts/0\r\nxterm\r\n"));
}

// A shell around the program shows what it leaves of its terminal.
TEST(Terminal, IsAsItWasAfterwards) {
  for (const char* script : {"exit 0", "kill -9 $$", "exec nosuch"}) {
    Program program(shell({"-it", "--", "sh", "-c", script}));
    program.wait();
    EXPECT_TRUE(program.terminal_is_cooked()) << script;
  }
}

TEST(Terminal, IsAsItWasWhenTheMachineEnds) {
  Program program(shell({"-it", "--", "reboot", "-f"}));

  EXPECT_EQ(program.wait(), 125);
  EXPECT_TRUE(program.terminal_is_cooked());
  EXPECT_THAT(program.out, HasSubstr("the VM ended before the command did"));
}

}  // namespace
}  // namespace supermachine
