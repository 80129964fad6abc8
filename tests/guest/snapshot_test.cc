// SPDX-License-Identifier: Apache-2.0
// Snapshots of real guests: what a copy keeps, what the source notices, chains and differences.
#include "supermachine/snapshot.h"

#include <filesystem>

#include "snapshot_guest.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;

class SnapshotTest : public SnapshotDirTest {
 protected:
  static Result<Vm> small_guest() { return start_guest(VmConfig().with_memory_mib(128)); }

  static SnapshotInfo info_of(const std::string& directory) {
    auto info = inspect_snapshot(directory);
    EXPECT_THAT(info, IsOk());
    return info.ok() ? std::move(info).value() : SnapshotInfo{};
  }
};

TEST_F(SnapshotTest, CopyGoesOnWhereTheVmWas) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, start_guest());
  EXPECT_EQ(sh_output(source, "echo kept > /tmp/file; cat /tmp/file"), "kept");
  SM_ASSERT_OK_AND_ASSIGN(const Image copy, source.snapshot(path("one")));
  EXPECT_TRUE(copy.is_snapshot());
  EXPECT_EQ(sh_output(source, "echo source > /tmp/file; cat /tmp/file"), "source") << "runs on";
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Vm vm, copy.start());
    EXPECT_TRUE(vm.timings().restored);
    EXPECT_EQ(sh_output(vm, "cat /tmp/file; echo mine > /tmp/file"), "kept") << i;
    EXPECT_EQ(sh_output(vm, "cat /tmp/file"), "mine");
  }
}

// Five deep, full and diff by turns, a file written in each: the last copy has them all.
TEST_F(SnapshotTest, ChainKeepsWhatEachLinkWrote) {
  std::string all;
  auto vm = small_guest();
  std::optional<Image> last;
  for (int link = 0; link < 5; ++link) {
    ASSERT_THAT(vm, IsOk()) << link;
    const std::string number = std::to_string(link);
    sh_output(vm.value(), "echo " + number + " > /root/file" + number + "; echo " + number +
                              " >> /tmp/all; head -c 1000000 /dev/zero | tr '\\0' " + number +
                              " > /tmp/big" + number);
    all += (all.empty() ? "" : "\n") + number;
    auto made = link % 2 == 0 ? vm.value().snapshot(path(number))
                              : vm.value().snapshot_diff(path(number), *last);
    ASSERT_THAT(made, IsOk()) << link;
    EXPECT_EQ(info_of(path(number)).is_diff, link % 2 == 1);
    last.emplace(std::move(made).value());
    vm = last->start();
    ASSERT_THAT(vm, IsOk()) << link;
    EXPECT_EQ(sh_output(vm.value(), "cat /tmp/all"), all);
  }
  EXPECT_EQ(sh_output(vm.value(), "cat /root/file?"), all);
  for (int link = 0; link < 5; ++link) {
    const std::string number = std::to_string(link);
    EXPECT_EQ(sh_output(vm.value(), "tr -d " + number + " < /tmp/big" + number +
                                        " | wc -c; wc -c < "
                                        "/tmp/big" +
                                        number),
              "0\n1000000");
  }
}

// A difference to a difference to a difference; a later one may also have an earlier base.
TEST_F(SnapshotTest, DiffsStackUp) {
  auto vm = small_guest();
  ASSERT_THAT(vm, IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Image base, vm.value().snapshot(path("base")));
  Image last = base;
  for (int depth = 1; depth <= 5; ++depth) {
    vm = last.start();
    ASSERT_THAT(vm, IsOk()) << depth;
    sh_output(vm.value(), "echo " + std::to_string(depth) + " >> /root/depths");
    const Image& against = depth == 5 ? base : last;
    SM_ASSERT_OK_AND_ASSIGN(
        last, vm.value().snapshot_diff(path("diff" + std::to_string(depth)), against));
  }
  SM_ASSERT_OK_AND_ASSIGN(const Vm end, last.start());
  EXPECT_EQ(sh_output(end, "cat /root/depths"), "1\n2\n3\n4\n5");
  EXPECT_EQ(fs::canonical(info_of(path("diff4")).base), fs::canonical(path("diff3")));
  EXPECT_EQ(fs::canonical(info_of(path("diff5")).base), fs::canonical(path("base")));
}

TEST_F(SnapshotTest, DiffOfASmallChangeIsSmall) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest(VmConfig().with_memory_mib(512)));
  sh_output(vm, "yes 0123456789 | head -c 60000000 > /tmp/used");
  SM_ASSERT_OK_AND_ASSIGN(const Image full, vm.snapshot(path("full")));
  SM_ASSERT_OK_AND_ASSIGN(Vm copy, full.start());
  sh_output(copy, "echo small > /root/change");
  SM_ASSERT_OK_AND_ASSIGN(const Image diff, copy.snapshot_diff(path("diff"), full));

  const SnapshotInfo whole = info_of(path("full"));
  const SnapshotInfo change = info_of(path("diff"));
  EXPECT_GT(whole.stored_bytes, 60'000'000U);
  EXPECT_LE(change.stored_bytes, whole.stored_bytes / 20);
  SM_ASSERT_OK_AND_ASSIGN(const Vm end, diff.start());
  EXPECT_EQ(sh_output(end, "cat /root/change; wc -c < /tmp/used"), "small\n60000000");
}

// While it is captured, the guest writes; what a copy has must be of one moment.
TEST_F(SnapshotTest, IsOfOneMomentWhileTheGuestWrites) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, small_guest());
  sh_output(source,
            "cat > /tmp/write.sh <<'END'\n"
            "i=0; while :; do i=$((i+1)); echo $i > /tmp/a.new; mv /tmp/a.new /tmp/a; "
            "echo $i > /root/b.new; mv /root/b.new /root/b; done\n"
            "END\nsh /tmp/write.sh & while [ ! -e /root/b ]; do sleep 0.01; done");
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const Image image, source.snapshot(path(std::to_string(i))));
    SM_ASSERT_OK_AND_ASSIGN(const Vm copy, image.start());
    // The writer is stopped before both are read.
    EXPECT_EQ(sh_output(copy,
                        "for p in /proc/[0-9]*; do grep -q write.sh $p/cmdline 2> /dev/null "
                        "&& [ ${p#/proc/} != $$ ] && kill -STOP ${p#/proc/}; done; "
                        "d=$(( $(cat /tmp/a) - $(cat /root/b) )); "
                        "[ $d = 0 ] || [ $d = 1 ] && echo same"),
              "same");
  }
  EXPECT_EQ(sh_output(source, "a=$(cat /tmp/a); sleep 0.3; [ $(cat /tmp/a) -gt $a ] && echo on"),
            "on");
}

TEST_F(SnapshotTest, SourceThatEndedIsNotCaptured) {
  SM_ASSERT_OK_AND_ASSIGN(Vm source, small_guest());
  source.stop();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(source.snapshot(path("none")), Fails(Errc::kGuestFault));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_FALSE(fs::exists(path("none")));
}

}  // namespace
}  // namespace supermachine
