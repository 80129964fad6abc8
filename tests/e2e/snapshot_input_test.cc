// SPDX-License-Identifier: Apache-2.0
// Snapshots on disk, good and bad, and what `inspect`, `run` and `snapshot` say of them. No guest
// runs here.
#include <gmock/gmock.h>

#include <filesystem>

#include "oci_image.h"
#include "program.h"
#include "sample_metadata.h"
#include "snapshot_directory.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SnapshotInput : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  void write(const std::string& name, std::string_view text = "ab") const {
    ASSERT_TRUE(write_snapshot(path(name), text).ok());
  }
  void write_diff(const std::string& name, const std::string& base) const {
    auto opened = Snapshot::open(path(base));
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(write_snapshot(path(name), "xy", std::move(opened).value()).ok());
  }
  void write_foreign(const std::string& name) const {
    auto writer = SnapshotWriter::create(path(name), {.memory_mib = 1});
    ASSERT_TRUE(writer.ok());
    SnapshotMetadata metadata{.image = {.name = "nginx:1.27", .digest = "sha256:12"}};
    metadata.host.cpu_vendor = "NoSuchVendor";
    metadata.host.page_size = 65536;
    metadata.host.guest_kernel = "no such kernel";
    ASSERT_TRUE(writer.value().finish(metadata, small_machine()).ok());
  }
  void flip_byte(const std::string& name, std::size_t at) const {
    std::string bytes = text_of(path(name));
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    put_text(path(name), bytes);
  }

  [[nodiscard]] Ended run(std::vector<std::string> args) const {
    return run_program({.args = std::move(args), .cwd = dir_.path()});
  }
  // Runs it, expects one line and exit status 125, and returns the line.
  [[nodiscard]] std::string complaint(std::vector<std::string> args) const {
    const Ended ended = run(std::move(args));
    EXPECT_EQ(ended.status, 125);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, AllOf(StartsWith("supermachine: "), EndsWith("\n")));
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    return ended.err;
  }

  const TempDir dir_ = fast_directory();
};

TEST_F(SnapshotInput, IsDescribed) {
  write_foreign("good");
  for (const char* name : {"good", "snapshot:good", "good/restore.snap"}) {
    const Ended ended = run({"inspect", name});

    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    EXPECT_THAT(ended.out, AllOf(StartsWith("snapshot  good\n"),
                                 HasSubstr("image     nginx:1.27, sha256:12\n"),
                                 HasSubstr("machine   1 MiB of memory, 1 vCPU\n")));
  }
}

TEST_F(SnapshotInput, OfAnotherHostIsDescribedWithWhatStandsAgainstIt) {
  write_foreign("foreign");
  const Ended text = run({"inspect", "foreign"});
  const auto json = Json::parse(run({"inspect", "--json", "foreign"}).out, nullptr, false);

  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("for       NoSuchVendor processors"),
                              HasSubstr("\nhere      cannot be restored:\n          ")));
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["restorable"], false);
  EXPECT_THAT(json["problems"].size(), ::testing::Ge(1U));
  EXPECT_EQ(json["kind"], "full");
}

TEST_F(SnapshotInput, IsVerifiedWhenAsked) {
  write("good");
  write("bad");
  flip_byte("bad/memory.img", 5000);

  EXPECT_THAT(run({"inspect", "--verify", "good"}).out, HasSubstr("every checksum is right"));
  EXPECT_EQ(run({"inspect", "bad"}).status, 0);
  EXPECT_THAT(complaint({"inspect", "--verify", "bad"}),
              HasSubstr("memory.img: the checksum of the 1 MiB at 0 MiB is wrong"));
}

TEST_F(SnapshotInput, ThatIsCutShortIsRefused) {
  for (const char* name : {"restore.snap", "metadata.json", "memory.img"}) {
    write("cut");
    const std::string file = path("cut/" + std::string(name));
    fs::resize_file(file, fs::file_size(file) / 2);

    EXPECT_THAT(complaint({"inspect", "cut"}), HasSubstr("cut: " + std::string(name)));
    EXPECT_THAT(complaint({"run", "cut", "--", "true"}), HasSubstr("cut: " + std::string(name)));
    EXPECT_THAT(complaint({"snapshot", "--diff", "cut", "new"}), HasSubstr(name));
    fs::remove_all(path("cut"));
  }
}

TEST_F(SnapshotInput, WithAFlippedBitIsRefused) {
  write("bent");
  flip_byte("bent/restore.snap", 60);

  EXPECT_THAT(complaint({"run", "bent", "--", "true"}), HasSubstr("bent: restore.snap: "));
}

TEST_F(SnapshotInput, WithoutItsBaseNamesWhatIsGone) {
  write("base");
  write_diff("diff", "base");
  EXPECT_THAT(run({"inspect", "diff"}).out, HasSubstr("base      "));

  fs::remove_all(path("base"));

  EXPECT_THAT(
      complaint({"run", "diff", "--", "true"}),
      AllOf(HasSubstr("diff: base: "), HasSubstr("base is no snapshot: no such directory")));
  EXPECT_THAT(complaint({"inspect", "diff"}), HasSubstr("diff: base: "));
}

TEST_F(SnapshotInput, WithAnotherBaseSaysSo) {
  write("base");
  write_diff("diff", "base");
  write("base");  // replaced

  EXPECT_THAT(complaint({"run", "diff", "--", "true"}), HasSubstr("is another snapshot than"));
}

TEST_F(SnapshotInput, ThatIsNoneIsCalledSo) {
  fs::create_directory(path("empty"));

  EXPECT_THAT(complaint({"inspect", "empty"}), HasSubstr("empty: holds no snapshot"));
  EXPECT_THAT(complaint({"run", "./empty", "--", "true"}), HasSubstr("empty: holds no snapshot"));
  EXPECT_THAT(complaint({"run", "snapshot:gone", "--", "true"}),
              HasSubstr("gone is no snapshot: no such directory"));
  EXPECT_THAT(complaint({"run", "./gone", "--", "true"}),
              AllOf(HasSubstr("./gone"), HasSubstr("or the directory of a snapshot")));
  EXPECT_THAT(complaint({"inspect"}), HasSubstr("which directory"));
}

TEST_F(SnapshotInput, NamesNoCommand) {
  write("mute");

  EXPECT_THAT(complaint({"run", "mute"}), HasSubstr("mute names no command of its own"));
}

TEST_F(SnapshotInput, IsWantedForADifference) {
  EXPECT_THAT(complaint({"snapshot", "--diff", "oci-archive:x.tar", "new"}),
              HasSubstr("--diff is the difference to a snapshot, which oci-archive:x.tar is not"));
}

TEST_F(SnapshotInput, IsHandedToTheLabUnread) {
  write_foreign("foreign");  // which this host could not restore, but perhaps the lab's
  put_text(path("lab"), "#!/bin/sh\nshift 2; printf '<%s>' \"$@\"; exit 42\n");
  put_text(path("qemu-system-x86_64"), "#!/bin/sh\n");
  for (const char* name : {"lab", "qemu-system-x86_64"}) {
    fs::permissions(path(name), fs::perms::owner_all);
  }
  const auto hand_over = [&](std::vector<std::string> args) {
    return run_program({.args = std::move(args),
                        .env = {{"SUPERMACHINE_LAB", path("lab")},
                                {"SUPERMACHINE_IN_LAB", ""},
                                {"PATH", dir_.path() + ":/usr/bin:/bin"}},
                        .cwd = dir_.path()});
  };

  EXPECT_EQ(hand_over({"run", "--engine", "lab", "foreign", "--", "ls"}).out,
            "<run><--engine><kvm><--engine><lab><foreign><--><ls>");
  EXPECT_EQ(hand_over({"snapshot", "--engine", "lab", "foreign", "new"}).out,
            "<snapshot><--engine><kvm><--engine><lab><foreign><new>");
  EXPECT_EQ(hand_over({"bench", "--engine", "lab", "foreign"}).out,
            "<bench><--engine><kvm><--engine><lab><foreign>");
  EXPECT_THAT(names_in(dir_.path()), ::testing::Not(::testing::Contains("new")));
}

TEST(SnapshotHelp, IsOnStandardOutput) {
  for (const char* verb : {"snapshot", "inspect", "bench"}) {
    const Ended ended = run_program({.args = {verb, "--help"}});

    EXPECT_EQ(ended.status, 0);
    EXPECT_THAT(ended.out, StartsWith("usage: supermachine " + std::string(verb)));
    EXPECT_THAT(ended.err, IsEmpty());
  }
}

}  // namespace
}  // namespace supermachine
