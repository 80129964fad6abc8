// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot_report.h"

#include <gmock/gmock.h>

#include "cli/sizes.h"

namespace supermachine::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SnapshotInfo sample() {
  SnapshotInfo info;
  info.directory = "warm";
  info.id = std::string(32, 'a');
  info.created = 1'000'000'000;
  info.memory_mib = 256;
  info.vcpus = 2;
  info.stored_bytes = 42 << 20;
  info.image_name = "py \"3\"";
  info.image_digest = "sha256:12";
  info.rootfs_path = "/cache/x.squashfs";
  info.cpu_vendor = "GenuineIntel";
  info.guest_kernel = "6.12";
  return info;
}

TEST(SnapshotReport, TellsWhatItIs) {
  EXPECT_EQ(snapshot_text(sample(), false),
            "snapshot  warm\n"
            "image     py \"3\", sha256:12\n"
            "made      2001-09-09 01:46:40 UTC\n"
            "machine   256 MiB of memory, 2 vCPUs\n"
            "stored    42.0 MiB of guest memory\n"
            "hot       not recorded\n"
            "root      /cache/x.squashfs\n"
            "for       GenuineIntel processors; guest kernel build 6.12\n"
            "id        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "here      can be restored\n");
}

TEST(SnapshotReport, ListsEachProblem) {
  SnapshotInfo info = sample();
  info.problems = {"one", "another"};

  EXPECT_THAT(snapshot_text(info, false),
              HasSubstr("here      cannot be restored:\n          one\n          another\n"));
  EXPECT_THAT(snapshot_json(info, false), HasSubstr("\"problems\": [\"one\", \"another\"]"));
  EXPECT_THAT(snapshot_json(info, false), HasSubstr("\"restorable\": false"));
}

TEST(SnapshotReport, NamesTheBaseOfADifference) {
  SnapshotInfo info = sample();
  EXPECT_THAT(snapshot_json(info, false), Not(HasSubstr("\"base\"")));

  info.is_diff = true;
  info.base = "cold";
  info.hot_bytes = 3 << 20;

  EXPECT_THAT(snapshot_text(info, true), HasSubstr("base      cold, to which"));
  EXPECT_THAT(snapshot_text(info, true), HasSubstr("hot       3.0 MiB"));
  EXPECT_THAT(snapshot_text(info, true), HasSubstr("every checksum is right"));
  EXPECT_THAT(snapshot_json(info, true), HasSubstr("\"base\": \"cold\""));
}

TEST(SnapshotReport, EscapesWhatJsonWants) {
  EXPECT_THAT(snapshot_json(sample(), false), HasSubstr(R"("image": "py \"3\"")"));
}

TEST(Sizes, HaveTheUnitThatFits) {
  EXPECT_EQ(human_size(0), "0 bytes");
  EXPECT_EQ(human_size(1023), "1023 bytes");
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(std::uint64_t{5} << 50), "5120.0 TiB");
  EXPECT_EQ(human_time(std::chrono::microseconds(12'340)), "12.3 ms");
  EXPECT_EQ(human_time(std::chrono::milliseconds(1234)), "1.23 s");
  EXPECT_EQ(human_machine(128, 1), "128 MiB of memory, 1 vCPU");
}

}  // namespace
}  // namespace supermachine::cli
