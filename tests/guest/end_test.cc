// SPDX-License-Identifier: Apache-2.0
// How VMs end, and what their ends do to what is under way.
#include <thread>

#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

// Runs `script`, which ends the machine, and tells how it ended.
VmExit end_by(Vm& vm, const std::string& script) {
  static_cast<void>(
      vm.exec_builder().argv({"sh", "-c", script}).timeout(kPatience).output().ok());  // it ends
                                                                                       // first
  auto end = vm.wait(kPatience);
  return end.value_or(VmExit{VmExit::Kind::kFailed, "it still runs"});
}

struct WayToEnd {
  const char* name;
  const char* script;
  VmExit::Kind kind;
};

class EndedByTheGuest : public ::testing::TestWithParam<WayToEnd> {};

TEST_P(EndedByTheGuest, IsReportedAsWhatItIs) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());

  const VmExit end = end_by(vm, GetParam().script);

  EXPECT_EQ(end.kind, GetParam().kind) << end.message;
  EXPECT_FALSE(end.message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Ways, EndedByTheGuest,
    ::testing::Values(WayToEnd{"Reboot", "reboot -f", VmExit::Kind::kReset},
                      WayToEnd{"Halt", "halt -f", VmExit::Kind::kHalted},
                      WayToEnd{"PowerOff", "poweroff -f", VmExit::Kind::kHalted},
                      WayToEnd{"TripleFault", "echo triple > /sys/kernel/reboot/type && reboot -f",
                               VmExit::Kind::kTripleFault}),
    [](const auto& way) { return way.param.name; });

TEST(End, OfEveryVcpuWhenTheGuestHalts) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest(VmConfig().with_vcpus(2)));

  EXPECT_EQ(end_by(vm, "halt -f").kind, VmExit::Kind::kHalted);
}

TEST(End, IsNotBelievedFromAProgramThatOnlySaysIt) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());

  EXPECT_EQ(sh(vm, "echo 'reboot: System halted' > /dev/console; sleep 2").status, 0);

  EXPECT_FALSE(vm.wait(0ms).has_value());
  EXPECT_EQ(sh_output(vm, "echo runs"), "runs");
}

TEST(End, ByUsIsOneOfItsOwnKind) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());
  EXPECT_FALSE(vm.wait(0ms).has_value());

  vm.stop();
  vm.stop();

  const auto end = vm.wait(0ms);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->kind, VmExit::Kind::kStopped);
}

TEST(End, CommandsAfterItFailAtOnce) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());
  vm.stop();

  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(vm.exec({"true"}).ok());
  EXPECT_FALSE(vm.exec_builder().argv({"true"}).output().ok());
  EXPECT_FALSE(vm.read_file("/etc/passwd").ok());
  EXPECT_FALSE(vm.write_file("/etc/x", "x").ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(End, OfTheGuestFailsItsCommands) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm.exec({"sleep", "600"}));

  EXPECT_EQ(end_by(vm, "reboot -f").kind, VmExit::Kind::kReset);

  EXPECT_THAT(child.wait(kPatience), Fails(Errc::kGuestFault));
  EXPECT_FALSE(vm.exec({"true"}).ok());
}

TEST(End, WhileACommandRunsFailsThatCommand) {
  SM_ASSERT_OK_AND_ASSIGN(auto started, start_guest());
  std::optional<Vm> vm(std::move(started));
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm->exec({"sh", "-c", "echo up; sleep 600"}));
  SM_ASSERT_OK_AND_ASSIGN(const ExecEvent up, child.next(kPatience));
  EXPECT_TRUE(std::holds_alternative<ExecStdout>(up));

  std::optional<Result<ExecOutcome>> outcome;
  std::thread waiting([&] { outcome.emplace(child.wait(kPatience)); });
  std::this_thread::sleep_for(200ms);
  vm->stop();
  waiting.join();

  ASSERT_TRUE(outcome.has_value());
  EXPECT_THAT(*outcome, Fails(Errc::kGuestFault));
}

TEST(End, MovedVmsEndOnce) {
  SM_ASSERT_OK_AND_ASSIGN(Vm first, start_guest());

  Vm second = std::move(first);
  EXPECT_EQ(sh_output(second, "echo moved"), "moved");
  second.stop();

  EXPECT_TRUE(second.wait(0ms).has_value());
}

}  // namespace
}  // namespace supermachine
