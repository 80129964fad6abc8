// SPDX-License-Identifier: Apache-2.0
// Bakes of real images: made once, found again, captured at the moment that was asked for.
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "snapshot_guest.h"
#include "supermachine/image_builder.h"
#include "supermachine/pool.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string archive(const std::string& name) {
  return "oci-archive:" + test_images_dir() + "/" + name + ".tar";
}

// How often each stage was begun.
class Stages {
 public:
  [[nodiscard]] ProgressCallback callback() {
    return [this](const Progress& progress) {
      const std::lock_guard lock(mutex_);
      if (progress.elapsed.count() == 0 && !progress.finished) ++begun_[progress.stage];
    };
  }
  [[nodiscard]] int begun(Stage stage) { return begun_[stage]; }

 private:
  std::mutex mutex_;
  std::map<Stage, int> begun_;
};

class Bake : public SnapshotDirTest {
 protected:
  OciImageBuilder builder(const std::string& image = "busybox") {
    return Image::builder(archive(image))
        .with_name(image)
        .with_memory_mib(128)
        .with_snapshots_dir(path("store"))
        .with_progress(stages_.callback());
  }
  [[nodiscard]] std::string id_of(const std::string& name) const {
    const auto info = inspect_snapshot(path("store/" + name));
    return info.ok() ? info.value().id : "none";
  }
  // What the workload has written when it ends.
  static std::string workload_output(Vm& vm) {
    auto child = vm.follow_workload();
    EXPECT_THAT(child, IsOk());
    if (!child.ok()) return {};
    auto outcome = child.value().wait(30s);
    EXPECT_THAT(outcome, IsOk());
    return outcome.ok() ? outcome.value().stdout : std::string();
  }

  Stages stages_;
};

TEST_F(Bake, StartsItsWorkloadInEachVm) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image,
                          builder()
                              .with_cmd({"sh", "-c", "echo I am $ME; cat /proc/uptime"})
                              .with_env("ME", "it")
                              .build());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image.start());
  SM_ASSERT_OK_AND_ASSIGN(Vm idle, image.start(VmConfig().with_workload(false)));

  EXPECT_TRUE(vm.timings().restored);
  EXPECT_THAT(workload_output(vm), StartsWith("I am it\n"));
  EXPECT_THAT(idle.follow_workload(), Fails(Errc::kNotFound));
  EXPECT_EQ(sh_output(idle, "echo $ME"), "it");
}

TEST_F(Bake, IsMadeOnce) {
  SM_ASSERT_OK_AND_ASSIGN(const Image first, builder().build());
  const std::string id = id_of("busybox");
  SM_ASSERT_OK_AND_ASSIGN(const Image second, builder().build());

  EXPECT_EQ(id_of("busybox"), id);
  EXPECT_EQ(stages_.begun(Stage::kBoot), 1);
  EXPECT_EQ(stages_.begun(Stage::kCapture), 1);
  EXPECT_EQ(second.digest(), first.digest());
}

TEST_F(Bake, IsMadeOnceByManyAtTheSameTime) {
  std::vector<std::thread> threads;
  std::vector<Status> results(3);
  for (Status& result : results) {
    threads.emplace_back([&] {
      auto image = builder().build();
      if (!image.ok()) result = image.error();
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (const Status& result : results) EXPECT_THAT(result, IsOk());
  EXPECT_EQ(stages_.begun(Stage::kBoot), 1);
}

TEST_F(Bake, IsMadeAgainForOtherSettings) {
  SM_ASSERT_OK_AND_ASSIGN(const Image first, builder().with_env("A", "1").build());
  SM_ASSERT_OK_AND_ASSIGN(Vm running, first.start(VmConfig().with_workload(false)));
  SM_ASSERT_OK_AND_ASSIGN(const Image second, builder().with_env("A", "2").with_vcpus(2).build());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, second.start(VmConfig().with_workload(false)));

  EXPECT_EQ(sh_output(running, "echo $A; nproc"), "1\n1");
  EXPECT_EQ(sh_output(vm, "echo $A; nproc"), "2\n2");
  EXPECT_THAT(entries_of(path("store")), ElementsAre("busybox"));
}

TEST_F(Bake, IsFoundByThoseWhoDoNotCareHowItWasMade) {
  SM_ASSERT_OK_AND_ASSIGN(const auto before, builder().find());
  EXPECT_FALSE(before.has_value());
  ASSERT_THAT(builder().with_env("A", "1").build(), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto found, builder().find());
  SM_ASSERT_OK_AND_ASSIGN(const auto larger, builder().with_memory_mib(256).find());
  EXPECT_TRUE(found.has_value());
  EXPECT_FALSE(larger.has_value());
}

TEST_F(Bake, IsTheSameForItsOwnPlatform) {
  ASSERT_THAT(builder().build(), IsOk());
  ASSERT_THAT(builder().with_platform("linux/amd64").build(), IsOk());
  EXPECT_EQ(stages_.begun(Stage::kBoot), 1);
  EXPECT_THAT(builder().with_platform("linux/arm64").build(),
              FailsSaying(Errc::kUnsupported, "linux/amd64"));
}

TEST_F(Bake, HasANameThatStaysInItsStore) {
  EXPECT_THAT(builder().with_name("../x").build(), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(builder().with_name("").with_name_suffix("/../x").build(),
              Fails(Errc::kInvalidArgument));
  EXPECT_THAT(builder().with_name("x__base").build(), Fails(Errc::kInvalidArgument));
}

TEST_F(Bake, HasExtraFiles) {
  const std::string file = path("tool");
  std::ofstream(file) << "#!/bin/sh\necho works\n";
  std::filesystem::permissions(file, std::filesystem::perms(0750));
  SM_ASSERT_OK_AND_ASSIGN(const Image image,
                          builder().with_extra_file(file, "/opt/tools/bin/tool").build());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image.start(VmConfig().with_workload(false)));
  EXPECT_EQ(sh_output(vm, "/opt/tools/bin/tool; stat -c '%a %u' /opt/tools/bin/tool"),
            "works\n750 0");

  std::ofstream(file) << "#!/bin/sh\necho changed\n";
  SM_ASSERT_OK_AND_ASSIGN(const Image again,
                          builder().with_extra_file(file, "/opt/tools/bin/tool").build());
  SM_ASSERT_OK_AND_ASSIGN(Vm other, again.start(VmConfig().with_workload(false)));
  EXPECT_EQ(sh_output(other, "/opt/tools/bin/tool"), "changed");
}

TEST_F(Bake, HasExtraKernelArgumentsBehindOurs) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image, builder().with_extra_kernel_arg("sm.test=1").build());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image.start(VmConfig().with_workload(false)));

  EXPECT_THAT(sh_output(vm, "cat /proc/cmdline"), HasSubstr(":7 sm.test=1 "));
}

TEST_F(Bake, OfAKernelThatDiesLeavesNothing) {
  EXPECT_THAT(
      builder().with_extra_kernel_arg("rdinit=/nope").with_extra_kernel_arg("init=/nope").build(),
      Fails(Errc::kGuestFault));
  EXPECT_EQ(id_of("busybox"), "none");
}

class ListenerBake : public Bake {};

TEST_F(ListenerBake, AnswersAtOnceInEachVm) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image, builder("nginx").with_listener_required().build());
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(Vm vm, image.start());
    SM_ASSERT_OK_AND_ASSIGN(const Stream stream, vm.connect());
    const std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    ASSERT_EQ(::write(stream.fd(), request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    std::string answer(64, '\0');
    ASSERT_GT(::read(stream.fd(), answer.data(), answer.size()), 0);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(vm.start_workload(), Fails(Errc::kInvalidArgument)) << "it runs already";
  }
}

TEST_F(ListenerBake, SaysWhyThereIsNone) {
  EXPECT_THAT(builder()
                  .with_cmd({"sleep", "1000"})
                  .with_listener_required()
                  .with_listener_timeout(500ms)
                  .build(),
              FailsSaying(Errc::kTimeout, "80"));
  EXPECT_THAT(builder()
                  .with_cmd({"sh", "-c", "echo no such option >&2; exit 3"})
                  .with_listener_required()
                  .build(),
              FailsSaying(Errc::kGuestFault, "no such option"));
  EXPECT_EQ(id_of("busybox"), "none");
}

class WarmBake : public Bake {
 protected:
  OciImageBuilder warmed(const std::string& tag, const std::string& script) {
    return builder()
        .with_warmup([this, script](Vm& vm) -> Status {
          ++warmups_;
          const ExecOutcome outcome = SM_TRY(vm.exec_builder().argv({"sh", "-c", script}).output());
          if (!outcome.success()) return Error(Errc::kGuestFault, "the script failed");
          return {};
        })
        .with_warmup_tag(tag);
  }
  int warmups_ = 0;
};

TEST_F(WarmBake, KeepsWhatTheWarmUpDid) {
  SM_ASSERT_OK_AND_ASSIGN(
      const Image image,
      warmed("v1", "echo warm > /tmp/state; sleep 1234 > /dev/null 2>&1 &").build());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, image.start(VmConfig().with_workload(false)));

  EXPECT_EQ(sh_output(vm, "cat /tmp/state"), "warm");
  EXPECT_EQ(processes_once(vm, "sleep 1234", 1), 1);
}

TEST_F(WarmBake, IsMadeAgainWhenItsTagChanges) {
  ASSERT_THAT(warmed("v1", "true").build(), IsOk());
  ASSERT_THAT(warmed("v1", "false").build(), IsOk()) << "the same tag: nothing is run";
  EXPECT_EQ(warmups_, 1);
  ASSERT_THAT(warmed("v2", "echo 2 > /tmp/state").build(), IsOk());

  EXPECT_EQ(warmups_, 2);
  EXPECT_EQ(stages_.begun(Stage::kBoot), 1) << "the bake below is the same";
  SM_ASSERT_OK_AND_ASSIGN(const auto found, builder().find());
  ASSERT_TRUE(found);
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, found->start(VmConfig().with_workload(false)));
  EXPECT_EQ(sh_output(vm, "cat /tmp/state"), "2");
}

TEST_F(WarmBake, IsNotKeptWhenTheWarmUpFails) {
  EXPECT_THAT(warmed("v1", "exit 1").build(),
              FailsSaying(Errc::kGuestFault, "warm-up of busybox: the script failed"));
  EXPECT_EQ(id_of("busybox"), "none");
  EXPECT_THAT(warmed("v1", "true").build(), IsOk());
}

TEST_F(WarmBake, MayStartTheWorkloadItself) {
  const auto built = builder()
                         .with_cmd({"sleep", "1000"})
                         .with_warmup([](Vm& vm) { return vm.start_workload(); })
                         .build();
  ASSERT_THAT(built, IsOk());
  EXPECT_TRUE(built.value().runs_workload());
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, built.value().start());
  EXPECT_EQ(processes_once(vm, "sleep 1000", 1), 1);
}

TEST_F(WarmBake, WaitsForAListenerFirst) {
  int answered = 0;
  const auto built = builder("nginx")
                         .with_warmup([&](Vm& vm) -> Status {
                           SM_TRY(vm.connect(80));
                           ++answered;
                           return {};
                         })
                         .build();
  ASSERT_THAT(built, IsOk());
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(stages_.begun(Stage::kListener), 1);
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, built.value().start());
  EXPECT_THAT(vm.connect(), IsOk());
}

TEST_F(Bake, OfAPoolStartsItsWorkloadForEachUser) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image,
                          builder().with_cmd({"sh", "-c", "echo hello"}).build());
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image.pool().max(1).build());
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    EXPECT_EQ(workload_output(*vm), "hello\n");
  }
}

TEST_F(Bake, OfAPoolThatResetsNothingStartsItsWorkloadOnce) {
  SM_ASSERT_OK_AND_ASSIGN(const Image image, builder().with_cmd({"sleep", "1000"}).build());
  SM_ASSERT_OK_AND_ASSIGN(const Pool pool, image.pool().max(1).restore_on_release(false).build());
  for (int i = 0; i < 2; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(PooledVm vm, pool.acquire());
    EXPECT_EQ(processes_once(*vm, "sleep 1000", 1), 1);
  }
}

TEST_F(Bake, IsASnapshotLikeAnyOther) {
  SM_ASSERT_OK_AND_ASSIGN(Image image, Image::ensure_baked("mine", archive("busybox"), [&](auto b) {
                            return b.with_memory_mib(128)
                                .with_snapshots_dir(path("store"))
                                .with_cmd({"sh", "-c", "echo x"});
                          }));
  SM_ASSERT_OK_AND_ASSIGN(const Image opened, Image::from_snapshot(path("store/mine")));
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, opened.start());
  EXPECT_EQ(workload_output(vm), "x\n");

  SM_ASSERT_OK_AND_ASSIGN(const Image copy, vm.snapshot(path("copy")));
  SM_ASSERT_OK_AND_ASSIGN(Vm other, copy.start());
  EXPECT_EQ(workload_output(other), "x\n") << "it had ended, and is not started again";
}

}  // namespace
}  // namespace supermachine
