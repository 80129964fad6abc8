// SPDX-License-Identifier: Apache-2.0
// `supermachine snapshot` and what is done with its result, with real guests.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "oci_image.h"
#include "program.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

class SnapshotVerb : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  // VERB --engine kvm ARGUMENTS, in our directory.
  [[nodiscard]] Launch launch(std::vector<std::string> args) const {
    args.insert(args.begin() + 1, {"--engine", "kvm"});
    return {.args = std::move(args), .cwd = dir_.path()};
  }
  [[nodiscard]] Ended run(std::vector<std::string> args) const {
    return run_program(launch(std::move(args)));
  }
  void make(std::vector<std::string> args) const {
    args.insert(args.begin(), "snapshot");
    const Ended ended = run(std::move(args));
    ASSERT_EQ(ended.status, 0) << ended.err;
  }

  const TempDir dir_ = TempDir::create().value();
  const std::string busybox_ = test_image("busybox");
};

TEST_F(SnapshotVerb, MakesWhatRunStarts) {
  const Ended made = run({"snapshot", "-m", "128", busybox_, "snap"});

  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(StartsWith("snap: a snapshot of "), HasSubstr("128 MiB of memory, 1 vCPU; "),
                    HasSubstr(" the machine stood still for ")));
  EXPECT_EQ(std::ranges::count(made.out, '\n'), 1);
  EXPECT_EQ(made.err, "");
  const Ended ran = run(
      {"run", "--hostname", "copy-1", "snap", "--", "sh", "-c", "hostname; echo err >&2; exit 7"});
  EXPECT_EQ(ran.out, "copy-1\n");
  EXPECT_EQ(ran.err, "err\n");
  EXPECT_EQ(ran.status, 7);
  const Ended inspected = run_program({.args = {"inspect", "--verify", path("snap")}});
  EXPECT_THAT(inspected.out, HasSubstr("here      can be restored\n")) << inspected.err;
}

TEST_F(SnapshotVerb, KeepsWhatTheCommandDid) {
  make({"-q", busybox_, "snap", "--", "sh", "-c",
        "echo warm > /tmp/state; sleep 1000 > /dev/null 2>&1 &"});

  const Ended ran = run({"run", "snap", "--", "sh", "-c", "cat /tmp/state; pidof sleep | wc -w"});

  EXPECT_EQ(ran.out, "warm\n1\n") << ran.err;
}

TEST_F(SnapshotVerb, IsNotMadeWhenTheCommandFails) {
  const Ended ended = run({"snapshot", busybox_, "snap", "--", "sh", "-c", "exit 3"});

  EXPECT_EQ(ended.status, 125);
  EXPECT_EQ(ended.err, "supermachine: sh ended with status 3; no snapshot was made\n");
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(SnapshotVerb, WaitsUntilTheGuestIsReady) {
  make({"-q", "--wait-ready", busybox_, "snap", "--", "sh", "-c",
        "(sleep 1; echo late > /tmp/state; echo > /run/supermachine/ready) > /dev/null 2>&1 &"});
  const Ended never = run({"snapshot", "--wait-ready=0.5", busybox_, "never"});

  EXPECT_EQ(run({"run", "snap", "--", "cat", "/tmp/state"}).out, "late\n");
  EXPECT_EQ(never.status, 125);
  EXPECT_THAT(never.err, HasSubstr("/run/supermachine/ready"));
  EXPECT_FALSE(fs::exists(path("never")));
}

TEST_F(SnapshotVerb, GivesItsCopiesAPayload) {
  make({"-q", busybox_, "snap"});
  OciImage::write(path("work"), "a task");
  const std::vector<std::string> cat{"--", "cat", "/run/supermachine/payload"};
  const auto with = [&](std::vector<std::string> args) {
    args.insert(args.end(), cat.begin(), cat.end());
    return args;
  };

  EXPECT_EQ(run(with({"run", "--payload", "work", "snap"})).out, "a task");
  EXPECT_EQ(run_program(launch(with({"run", "--payload", "-", "snap"})), "from a pipe").out,
            "from a pipe");
  const Ended refused = run(with({"run", "--no-bake", "--payload", "work", busybox_}));
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.err, HasSubstr("--payload is for VMs of a snapshot"));
}

TEST_F(SnapshotVerb, RefusesAnotherMachineThanWasCaptured) {
  make({"-q", "-m", "128", busybox_, "snap"});
  const Ended memory = run({"run", "-m", "256", "snap", "--", "true"});
  const Ended vcpus = run({"run", "--vcpus", "2", "snap", "--", "true"});

  EXPECT_EQ(memory.status, 125);
  EXPECT_THAT(memory.err, HasSubstr("256 MiB of memory: the snapshot was captured with 128"));
  EXPECT_EQ(vcpus.status, 125);
  EXPECT_THAT(vcpus.err, HasSubstr("2 vCPUs: the snapshot was captured with 1"));
}

TEST_F(SnapshotVerb, WritesOnlyTheDifferenceWhenAsked) {
  make({"-q", "-m", "128", busybox_, "base"});
  make({"-q", "--diff", "base", "diff", "--", "sh", "-c", "echo more > /tmp/state"});
  const auto stored = [&](const std::string& name) {
    const auto json =
        Json::parse(run_program({.args = {"inspect", "--json", path(name)}}).out, nullptr, false);
    return json.is_object() ? json["stored_bytes"].get<long>() : -1;
  };

  EXPECT_EQ(run({"run", "diff", "--", "cat", "/tmp/state"}).out, "more\n");
  EXPECT_GT(stored("diff"), 0);
  EXPECT_LT(stored("diff"), stored("base") / 2);

  fs::remove_all(path("base"));
  const Ended ended = run({"run", "diff", "--", "true"});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, HasSubstr("diff: base: "));
}

TEST_F(SnapshotVerb, LeavesADirectoryOfOtherThingsAlone) {
  fs::create_directory(path("mine"));
  OciImage::write(path("mine/notes"), "dear diary");
  const Ended ended = run({"snapshot", busybox_, "mine"});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, HasSubstr("mine holds other things than a snapshot: notes"));
  EXPECT_THAT(names_in(path("mine")), ::testing::ElementsAre("notes"));
  EXPECT_THAT(names_in(dir_.path()), ::testing::ElementsAre("mine"));
}

TEST_F(SnapshotVerb, LeavesNothingAtCtrlC) {
  // The root file system is large enough for the copy to be interrupted.
  Program program(launch({"snapshot", "--include-rootfs", test_image("python"), "snap"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (names_in(dir_.path()).empty() && std::chrono::steady_clock::now() < deadline) {
    ::usleep(1000);
  }
  program.signal(SIGINT);

  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_THAT(program.err, HasSubstr("supermachine: interrupted; no snapshot was made\n"));
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(SnapshotVerb, OfABenchIsGoneAtCtrlC) {
  Launch bench = launch({"bench", busybox_});
  bench.env["TMPDIR"] = dir_.path();
  Program program(bench);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (names_in(dir_.path()).empty() && std::chrono::steady_clock::now() < deadline) {
    ::usleep(1000);
  }
  program.signal(SIGINT);

  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

// A small file system over our directory, in a name space of its own where we are not root.
void mount_small(const std::string& directory) {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  ASSERT_EQ(::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0);
  if (user != 0) {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
    std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
  }
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("none", directory.c_str(), "tmpfs", 0, "size=4m"), 0);
}

TEST_F(SnapshotVerb, LeavesNothingOnAFullDisk) {
  mount_small(dir_.path());
  const Ended ended = run({"snapshot", busybox_, "snap"});

  EXPECT_EQ(ended.status, 125);
  EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), HasSubstr("snap: memory.img: "),
                               HasSubstr("No space left on device")));
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
  EXPECT_EQ(::umount2(dir_.path().c_str(), MNT_DETACH), 0);
}

TEST_F(SnapshotVerb, IsTimedByStage) {
  make({"-q", busybox_, "snap"});
  const Ended ended = run({"run", "--timing", "snap", "--", "true"});

  const std::string number = " +[0-9]+\\.[0-9][0-9][0-9] ms\n";
  EXPECT_THAT(ended.err,
              MatchesRegex("timing: image ready" + number + "timing: memory mapped" + number +
                           "timing: VM created" + number + "timing: guest resumed" + number +
                           "timing: agent up" + number + "timing: exec done" + number +
                           "timing: gone" + number));
}

TEST_F(SnapshotVerb, IsMeasuredByBench) {
  make({"-q", "-m", "128", busybox_, "snap"});
  const Ended table = run({"bench", "--rounds", "3", "--vms", "2", "snap"});
  const auto json =
      Json::parse(run({"bench", "--json", "--rounds", "2", "--vms", "1", "snap", "--", "echo"}).out,
                  nullptr, false);
  const Ended failing = run({"bench", "snap", "--", "false"});
  const Ended from_image = run({"bench", "-m", "128", "--rounds", "1", "--vms", "1", busybox_});

  EXPECT_EQ(table.status, 0) << table.err;
  for (const char* what : {"| restore  ", "| first exec ", "| exec again ", "| pool cycle ",
                           "memory of each of 2 idle VMs: "}) {
    EXPECT_THAT(table.out, HasSubstr(what));
  }
  EXPECT_THAT(from_image.out, AllOf(HasSubstr("| cold boot  "), HasSubstr("| restore  ")))
      << from_image.err;
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["times"].size(), 4U);
  EXPECT_EQ(failing.status, 125);
  EXPECT_THAT(failing.err, HasSubstr("false ended with status 1"));
}

}  // namespace
}  // namespace supermachine
