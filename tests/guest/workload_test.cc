// SPDX-License-Identifier: Apache-2.0
// The workload of a VM: it belongs to the VM, so it outlives who starts it and is part of
// snapshots.
#include <csignal>

#include "snapshot_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// Standard output up to and with `text`, or what came instead.
std::string read_until(ExecChild& child, const std::string& text) {
  std::string seen;
  while (seen.find(text) == std::string::npos) {
    const auto event = child.next(10s);
    if (!event.ok()) return seen + " then " + event.error().message();
    if (const auto* out = std::get_if<ExecStdout>(&event.value())) seen += out->data;
    if (std::holds_alternative<ExecOutcome>(event.value())) return seen + " then its end";
  }
  return seen;
}

class VmWorkload : public BusyboxSnapshotTest {};

TEST_F(VmWorkload, RunsAsTheImageSays) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest());
  ASSERT_THAT(vm.start_workload(), IsOk());  // sh, which finds the end of its input
  SM_ASSERT_OK_AND_ASSIGN(ExecChild child, vm.follow_workload());
  SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 0);

  ASSERT_THAT(vm.start_workload({"sh", "-c", "echo to stdout; echo to stderr >&2; exit 7"}),
              IsOk());
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(ExecChild again, vm.follow_workload());
    SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome second, again.wait(10s));
    EXPECT_EQ(second.stdout, "to stdout\n");
    EXPECT_EQ(second.stderr, "to stderr\n");
    EXPECT_EQ(second.status, 7);
  }
}

TEST_F(VmWorkload, CannotBeWhatIsNotThere) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  EXPECT_THAT(vm.follow_workload(), Fails(Errc::kNotFound));
  EXPECT_THAT(vm.workload_signal(SIGTERM), Fails(Errc::kNotFound));
  EXPECT_THAT(vm.start_workload({"no-such-program"}), Fails(Errc::kNotFound));
  EXPECT_THAT(vm.follow_workload(), Fails(Errc::kNotFound));
}

TEST_F(VmWorkload, TakesSignals) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  ASSERT_THAT(vm.start_workload({"sh", "-c",
                                 "trap 'echo hangup' HUP; echo ready; "
                                 "while :; do sleep 0.05; done"}),
              IsOk());
  EXPECT_THAT(vm.start_workload({"true"}), Fails(Errc::kInvalidArgument));
  SM_ASSERT_OK_AND_ASSIGN(ExecChild child, vm.follow_workload());
  EXPECT_EQ(read_until(child, "ready\n"), "ready\n");
  ASSERT_THAT(vm.workload_signal(SIGHUP), IsOk());
  EXPECT_EQ(read_until(child, "hangup\n"), "hangup\n");
  ASSERT_THAT(vm.workload_signal(SIGKILL), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(10s));
  EXPECT_EQ(outcome.status, 128 + SIGKILL);
  EXPECT_THAT(vm.workload_signal(SIGTERM), Fails(Errc::kNotFound));
}

TEST_F(VmWorkload, KeepsTheEndOfItsOutput) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image().start());
  ASSERT_THAT(vm.start_workload({"sh", "-c", "head -c 1000000 /dev/zero; echo end >&2"}), IsOk());
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(ExecChild child, vm.follow_workload());
    SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(30s));
    EXPECT_EQ(outcome.stderr, "end\n");
    EXPECT_EQ(outcome.stdout.size() + 4 + child.skipped_bytes(), 1'000'004U);
    if (i == 1) {
      EXPECT_EQ(outcome.stdout.size() + 4, 256U << 10);
    }
  }
}

TEST_F(VmWorkload, RunsOnInEachCopyAndInTheSource) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, image().start());
  ASSERT_THAT(source.start_workload({"sh", "-c",
                                     "mkfifo /tmp/ask; exec 3<> /tmp/ask; echo up; "
                                     "while read -r line <&3; do echo \"got $line\"; done"}),
              IsOk());
  SM_ASSERT_OK_AND_ASSIGN(ExecChild of_source, source.follow_workload());
  EXPECT_EQ(read_until(of_source, "up\n"), "up\n");
  SM_ASSERT_OK_AND_ASSIGN(const Image image, source.snapshot(path("running")));

  for (const char* name : {"one", "two"}) {
    SM_ASSERT_OK_AND_ASSIGN(Vm copy, image.start());
    SM_ASSERT_OK_AND_ASSIGN(ExecChild child, copy.follow_workload());
    EXPECT_EQ(read_until(child, "up\n"), "up\n") << "what it wrote before is still there";
    sh_output(copy, std::string("echo ") + name + " > /tmp/ask");
    EXPECT_EQ(read_until(child, "\n"), std::string("got ") + name + "\n");
    ASSERT_THAT(copy.workload_signal(SIGTERM), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(10s));
    EXPECT_EQ(outcome.status, 128 + SIGTERM);
  }

  sh_output(source, "echo source > /tmp/ask");
  EXPECT_EQ(read_until(of_source, "\n"), "got source\n") << "its follower goes on too";
}

}  // namespace
}  // namespace supermachine
