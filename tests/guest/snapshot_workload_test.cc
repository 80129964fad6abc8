// SPDX-License-Identifier: Apache-2.0
// What the workload of a guest and its copies say to each other: ready, resumed, restored, payload,
// hook (docs/guide/snapshots.md).
#include "snapshot_guest.h"
#include "supermachine/pool.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// Of the guest, until `path` is not empty, at most ten seconds; then what it says.
std::string content_once(const Vm& vm, const std::string& path) {
  return sh_output(
      vm, "for i in $(seq 1000); do [ -s " + path + " ] && break; sleep 0.01; done; cat " + path);
}

class Workload : public BusyboxSnapshotTest {
 protected:
  // A VM whose copies run `script` as their hook.
  Result<Vm> with_hook(const std::string& script) {
    Vm vm = SM_TRY(image().start());
    sh_output(vm, "mkdir -p /etc/supermachine");
    SM_TRY(vm.write_file("/etc/supermachine/on-restored", "#!/bin/sh\n" + script, 0755));
    return vm;
  }
};

TEST_F(Workload, SaysWhenItIsReadyAndIsToldWhatItIs) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, image().start());
  EXPECT_THAT(source.wait_ready(50ms), Fails(Errc::kTimeout)) << "nobody is ready";
  sh_output(source,
            "(echo > /run/supermachine/ready; read -r what id < /run/supermachine/resumed; "
            "echo \"$what $id\" > /tmp/said) &");
  ASSERT_THAT(source.wait_ready(10s), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Image ready, source.snapshot(path("ready")));

  EXPECT_EQ(content_once(source, "/tmp/said"), "resumed ");
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, ready.start());
    const std::string id =
        sh_output(copy, "sed -n 's/^instance_id=//p' /run/supermachine/instance");
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(content_once(copy, "/tmp/said"), "restored " + id);
  }
}

TEST_F(Workload, MustLetACopyAnswerInTime) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, with_hook("sleep 2\n"));
  SM_ASSERT_OK_AND_ASSIGN(const Image slow, source.snapshot(path("slow"), {.rehearse = false}));

  EXPECT_THAT(slow.start(VmConfig().with_restore_timeout(200ms)), Fails(Errc::kTimeout));
  EXPECT_THAT(slow.start(), IsOk());
}

TEST_F(Workload, FindsItsPayload) {
  const std::string payload = std::string("\0\n\xff", 3) + std::string(40'000, 'p');
  {
    SM_ASSERT_OK_AND_ASSIGN(Vm copy, image().start(VmConfig().with_payload(payload)));
    SM_ASSERT_OK_AND_ASSIGN(const std::string found, copy.read_file("/run/supermachine/payload"));
    EXPECT_EQ(found, payload);
    // It is this copy's alone: not that of its copies.
    SM_ASSERT_OK_AND_ASSIGN(const Image again, copy.snapshot(path("again")));
    SM_ASSERT_OK_AND_ASSIGN(Vm next, again.start());
    EXPECT_THAT(next.read_file("/run/supermachine/payload"), Fails(Errc::kNotFound));
  }
  SM_ASSERT_OK_AND_ASSIGN(Vm without, image().start());
  EXPECT_THAT(without.read_file("/run/supermachine/payload"), Fails(Errc::kNotFound));
  EXPECT_THAT(image().start(VmConfig().with_payload(std::string((48 << 10) + 1, 'x'))),
              Fails(Errc::kInvalidArgument));
}

TEST_F(Workload, HookRunsBeforeAnyCommand) {
  SM_ASSERT_OK_AND_ASSIGN(
      Vm source, with_hook("sleep 0.2; echo $SUPERMACHINE_INSTANCE $(id -u) "
                           "$(cat /run/supermachine/payload 2> /dev/null) > /root/hook\n"));
  SM_ASSERT_OK_AND_ASSIGN(const Image hooked, source.snapshot(path("hooked")));
  EXPECT_EQ(sh_output(source, "[ ! -e /root/hook ] && echo none"), "none") << "not in the source";
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, hooked.start(VmConfig().with_payload("task")));
    EXPECT_EQ(
        sh_output(copy, "cat /root/hook"),
        sh_output(copy, "sed -n 's/^instance_id=//p' /run/supermachine/instance") + " 0 task");
  }
}

TEST_F(Workload, HookThatFailsFailsTheStart) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, with_hook("[ -z \"$SUPERMACHINE_PAYLOAD\" ] && exit 0\n"
                                               "grep -q good \"$SUPERMACHINE_PAYLOAD\" && exit 0\n"
                                               "echo this is no good task >&2\nexit 3\n"));
  SM_ASSERT_OK_AND_ASSIGN(const Image hooked, source.snapshot(path("hooked")));

  EXPECT_THAT(hooked.start(VmConfig().with_payload("good")), IsOk());
  const auto failed = hooked.start(VmConfig().with_payload("bad"));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), ::testing::HasSubstr("this is no good task"));

  // In a pool it is the error of this one VM. Nothing of it is counted as alive.
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool,
                          hooked.pool().max(1).config(VmConfig().with_payload("bad")).build());
  for (int i = 0; i < 3; ++i) {
    const auto none = pool.acquire();
    ASSERT_FALSE(none.ok());
    EXPECT_THAT(none.error().message(), ::testing::HasSubstr("this is no good task"));
  }
  EXPECT_EQ(pool.stats().in_use, 0U);
  EXPECT_EQ(pool.stats().acquired, 0U);
}

TEST_F(Workload, HookThatHangsFailsTheStart) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, with_hook("[ -z \"$SUPERMACHINE_PAYLOAD\" ] || sleep 1000\n"));
  SM_ASSERT_OK_AND_ASSIGN(const Image hooked, source.snapshot(path("hooked")));

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(hooked.start(VmConfig().with_payload("hang")).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(Workload, DaemonsGoOnInEachCopy) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, image().start());
  sh_output(source,
            "mkfifo /tmp/ask /tmp/answer; (n=0; while read -r line < /tmp/ask; do n=$((n+1)); "
            "echo \"$line $n\" > /tmp/answer; done) & "
            "echo source > /tmp/ask; cat /tmp/answer");
  SM_ASSERT_OK_AND_ASSIGN(const Image warm, source.snapshot(path("warm")));
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, warm.start());
    EXPECT_EQ(sh_output(copy, "echo copy > /tmp/ask; cat /tmp/answer"), "copy 2");
  }
  EXPECT_EQ(sh_output(source, "echo source > /tmp/ask; cat /tmp/answer"), "source 2");
}

TEST_F(Workload, CommandUnderWayGoesOnInTheSourceOnly) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, image().start());
  SM_ASSERT_OK_AND_ASSIGN(ExecChild child,
                          source.exec_builder()
                              .argv({"sh", "-c", "echo up; read -r line; echo got $line; exit 5"})
                              .with_stdin()
                              .spawn());
  ASSERT_THAT(child.next(10s), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Image image, source.snapshot(path("busy")));

  SM_ASSERT_OK_AND_ASSIGN(const Vm copy, image.start());
  EXPECT_EQ(processes_once(copy, "sh -c echo up", 0), 0) << "it ended in the copy";
  EXPECT_EQ(processes_once(source, "sh -c echo up", 1), 1) << "it goes on in the source";
  ASSERT_THAT(child.write_stdin("line\n", 10s), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const ExecOutcome outcome, child.wait(10s));
  EXPECT_EQ(outcome.stdout, "got line\n");
  EXPECT_EQ(outcome.status, 5);
}

}  // namespace
}  // namespace supermachine
