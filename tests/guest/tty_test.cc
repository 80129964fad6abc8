// SPDX-License-Identifier: Apache-2.0
// Commands with a terminal.
#include <string>

#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Tty : public GuestTest {
 protected:
  // Reads until `text` was printed; fails the test when that takes more than 10 s.
  static std::string read_until(ExecChild& child, const std::string& text) {
    std::string seen;
    while (seen.find(text) == std::string::npos) {
      auto event = child.next(10s);
      if (!event.ok() || !std::holds_alternative<ExecStdout>(event.value())) {
        ADD_FAILURE() << "no \"" << text << "\" in \"" << seen << "\"";
        break;
      }
      seen += std::get<ExecStdout>(event.value()).data;
    }
    return seen;
  }
};

TEST_F(Tty, HasTheWindowSizeAskedFor) {
  SM_ASSERT_OK_AND_ASSIGN(
      const auto outcome,
      vm().exec_builder().argv({"stty", "size"}).tty().winsize(33, 101).output());

  EXPECT_EQ(outcome.stdout, "33 101\r\n");
}

TEST_F(Tty, CarriesErrorsOnTheSameStream) {
  SM_ASSERT_OK_AND_ASSIGN(const auto outcome,
                          vm().exec_builder().argv({"sh", "-c", "tty; echo e >&2"}).tty().output());

  EXPECT_THAT(outcome.stdout, HasSubstr("/dev/pts/"));
  EXPECT_THAT(outcome.stdout, HasSubstr("e\r\n"));
  EXPECT_EQ(outcome.stderr, "");
}

TEST_F(Tty, WithoutOneThereIsNone) { EXPECT_EQ(sh(vm(), "tty").status, 1); }

TEST_F(Tty, TellsTheCommandOfANewSize) {
  SM_ASSERT_OK_AND_ASSIGN(
      auto child,
      vm().exec_builder()
          .argv({"sh", "-c", "trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done"})
          .tty()
          .winsize(10, 20)
          .with_stdin()
          .spawn());
  read_until(child, "up");

  ASSERT_THAT(child.resize(44, 55), IsOk());

  EXPECT_THAT(read_until(child, "44 55"), HasSubstr("44 55"));
}

TEST_F(Tty, CtrlCInterruptsTheForegroundOnly) {
  SM_ASSERT_OK_AND_ASSIGN(
      auto child,
      vm().exec_builder().argv({"sh", "-i"}).env("PS1", "ready> ").tty().with_stdin().spawn());
  read_until(child, "ready> ");

  // A path, since the shell runs its own applets without exec.
  ASSERT_THAT(child.write_stdin("/bin/sleep 600\n", 10s), IsOk());
  EXPECT_EQ(processes_once(vm(), "/bin/sleep 600", 1), 1);
  ASSERT_THAT(child.write_stdin("\x03", 10s), IsOk());
  read_until(child, "ready> ");
  ASSERT_THAT(child.write_stdin("echo status $?; exit 3\n", 10s), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_THAT(outcome.stdout, HasSubstr("status 130"));
  EXPECT_EQ(outcome.status, 3);
}

TEST_F(Tty, CtrlDEndsTheInput) {
  SM_ASSERT_OK_AND_ASSIGN(auto child,
                          vm().exec_builder().argv({"wc", "-c"}).tty().with_stdin().spawn());

  ASSERT_THAT(child.write_stdin("four\n\x04", 10s), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.stdout, HasSubstr("5\r\n"));
}

}  // namespace
}  // namespace supermachine
