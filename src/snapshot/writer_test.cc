// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.h"

#include <sys/stat.h>

#include "result_matchers.h"
#include "snapshot/limits.h"
#include "snapshot_directory.h"

namespace supermachine {
namespace {

using namespace snapshot;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WriterTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  SnapshotWriter writer(const std::string& name, std::uint64_t memory_mib = 1,
                        std::shared_ptr<const Snapshot> base = {}) {
    auto created =
        SnapshotWriter::create(path(name), {.memory_mib = memory_mib, .base = std::move(base)});
    EXPECT_THAT(created, IsOk());
    return std::move(created).value();
  }
  std::shared_ptr<const Snapshot> opened(const std::string& name) {
    auto snapshot = Snapshot::open(path(name));
    EXPECT_THAT(snapshot, IsOk());
    return std::move(snapshot).value();
  }
  // Pages of the memory file that take up space, as few as its file system allows.
  std::uint64_t stored_pages(const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat(path(name + "/memory.img").c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512 / kPageSize;
  }

  TempDir dir_ = fast_directory();
};

Status write(SnapshotWriter& writer, std::uint64_t page, std::string_view text) {
  return writer.write_pages(page * kPageSize, pages(text));
}

MachineState machine_of(std::uint64_t memory_mib) {
  MachineState state = small_machine();
  state.memory_mib = memory_mib;
  return state;
}

TEST_F(WriterTest, TakesPagesInAnyOrderAndTheLatestOfEach) {
  SnapshotWriter w = writer("s");
  ASSERT_THAT(write(w, 3, "dE"), IsOk());
  ASSERT_THAT(write(w, 0, "abX"), IsOk());
  ASSERT_THAT(write(w, 2, "c"), IsOk());
  ASSERT_THAT(write(w, 4, "e.g"), IsOk());
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());

  EXPECT_EQ(memory_text(*opened("s")), "abcde.g");
  EXPECT_EQ(opened("s")->metadata().stored_bytes, 6 * kPageSize);
  EXPECT_EQ(w.id(), opened("s")->id());
}

TEST_F(WriterTest, PublishesWhatWasRehearsedAndNothingElse) {
  SnapshotWriter bad = writer("s");
  ASSERT_THAT(write(bad, 0, "abc"), IsOk());
  const auto refuse = [](const std::string& directory) -> Status {
    return Error(Errc::kGuestFault, SM_TRY(Snapshot::open(directory))->id().hex());
  };
  EXPECT_THAT(bad.finish({}, small_machine(), refuse),
              FailsSaying(Errc::kGuestFault, bad.id().hex()));
  EXPECT_THAT(Snapshot::open(path("s")), Fails(Errc::kNotFound));

  SnapshotWriter good = writer("s");
  ASSERT_THAT(write(good, 0, "abc"), IsOk());
  const auto add = [&](const std::string& directory) {
    return store_hot_set(directory, {.snapshot = good.id(), .read = {{0, 2}}});
  };
  ASSERT_THAT(good.finish({}, small_machine(), add), IsOk());
  ASSERT_TRUE(opened("s")->hot_set().has_value());
  EXPECT_EQ(memory_text(*opened("s")).substr(0, 3), "abc");
}

TEST_F(WriterTest, MakesZeroOfAPageThatBecameZero) {
  SnapshotWriter w = writer("s");
  ASSERT_THAT(write(w, 0, "abcd"), IsOk());
  ASSERT_THAT(write(w, 1, ".."), IsOk());
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());

  EXPECT_EQ(memory_text(*opened("s")), "a..d");
  EXPECT_THAT(opened("s")->verify(), IsOk());
  EXPECT_LE(stored_pages("s"), 2U);
}

TEST_F(WriterTest, StoresNothingOfZeroes) {
  ASSERT_THAT(write_snapshot(path("s"), "....."), IsOk());
  EXPECT_THAT(opened("s")->memory().runs, IsEmpty());
  EXPECT_EQ(stored_pages("s"), 0U);
}

TEST_F(WriterTest, RefusesPagesThatAreNone) {
  SnapshotWriter w = writer("s");
  const auto two = pages("ab");
  const std::uint64_t size = 1 << 20;
  EXPECT_THAT(w.write_pages(1, two), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(w.write_pages(0, std::span(two).first(100)), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(w.write_pages(size - kPageSize, two), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(w.write_pages(~0ULL - kPageSize + 1, two), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(w.write_pages(size - 2 * kPageSize, two), IsOk());
  EXPECT_THAT(w.write_pages(size, {}), IsOk());
}

TEST_F(WriterTest, BridgesShortGapsOfAFullSnapshot) {
  SnapshotWriter w = writer("s");
  ASSERT_THAT(write(w, 0, "a"), IsOk());
  ASSERT_THAT(write(w, 64, "b"), IsOk());   // 63 pages between
  ASSERT_THAT(write(w, 129, "c"), IsOk());  // 64 pages between
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());

  const std::vector<MemoryRun> runs = opened("s")->memory().runs;
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].length, 65 * kPageSize);
  EXPECT_EQ(runs[1].start, 129 * kPageSize);
  EXPECT_LE(stored_pages("s"), 3U);
}

// A run for each second page would be too many: the base's pages between them come along.
TEST_F(WriterTest, FillsTheGapsOfADiffWithItsBase) {
  constexpr std::uint64_t kMemoryMib = 8;
  {
    SnapshotWriter w = writer("base", kMemoryMib);
    ASSERT_THAT(write(w, 0, std::string(1000, 'b')), IsOk());
    ASSERT_THAT(write(w, 1500, std::string(100, 'c')), IsOk());
    ASSERT_THAT(w.finish({}, machine_of(kMemoryMib)), IsOk());
  }
  std::string expected = memory_text(*opened("base"));
  expected.resize(2048, '.');
  {
    SnapshotWriter w = writer("diff", kMemoryMib, opened("base"));
    for (std::uint64_t page = 0; page < 2048; page += 2) {
      const char c = page % 10 == 0 ? '.' : 'd';
      ASSERT_THAT(write(w, page, std::string(1, c)), IsOk());
      expected[page] = c;
    }
    ASSERT_THAT(w.finish({}, machine_of(kMemoryMib)), IsOk());
  }
  const auto diff = opened("diff");

  std::string actual = memory_text(*diff);
  actual.resize(2048, '.');
  EXPECT_EQ(actual, expected);
  EXPECT_LE(diff->memory().runs.size(), 1024U);
  EXPECT_THAT(diff->verify(), IsOk());
}

TEST_F(WriterTest, StoresOnlyWhatWasWrittenToADiff) {
  ASSERT_THAT(write_snapshot(path("base"), std::string(200, 'b')), IsOk());
  SnapshotWriter w = writer("diff", 1, opened("base"));
  ASSERT_THAT(write(w, 10, "x"), IsOk());
  ASSERT_THAT(write(w, 20, "."), IsOk());   // zero, where the base is not
  ASSERT_THAT(write(w, 250, "."), IsOk());  // zero, as the base is
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());

  const auto diff = opened("diff");
  EXPECT_EQ(diff->metadata().stored_bytes, kPageSize);
  EXPECT_LE(stored_pages("diff"), 1U);
  std::string expected(200, 'b');
  expected[10] = 'x';
  expected[20] = '.';
  EXPECT_EQ(memory_text(*diff), expected);
}

TEST_F(WriterTest, KeepsWhatTheCallerSays) {
  SnapshotMetadata metadata{.created_unix = 17,
                            .image = {.name = "nginx", .env = {"A=b"}},
                            .rootfs = {.path = "/r", .size_bytes = 5},
                            .extra = {{"key", "value"}}};
  SnapshotWriter w = writer("s");
  ASSERT_THAT(w.finish(metadata, small_machine()), IsOk());

  const SnapshotMetadata read = opened("s")->metadata();
  EXPECT_EQ(read.created_unix, 17U);
  EXPECT_EQ(read.image, metadata.image);
  EXPECT_EQ(read.rootfs, metadata.rootfs);
  EXPECT_EQ(read.extra, metadata.extra);
  EXPECT_EQ(read.vcpus, 1U);
  EXPECT_EQ(opened("s")->rootfs_path(), "/r");
}

TEST_F(WriterTest, TakesInTheRootFileSystem) {
  put_text(path("image"), std::string(3'000'000, 'r'));
  SnapshotWriter w = writer("s");
  ASSERT_THAT(w.include_rootfs(path("image")), IsOk());
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());

  EXPECT_EQ(opened("s")->metadata().rootfs.path, "rootfs.squashfs");
  EXPECT_EQ(opened("s")->metadata().rootfs.size_bytes, 3'000'000U);
  EXPECT_EQ(opened("s")->rootfs_path(), path("s/rootfs.squashfs"));
  EXPECT_EQ(text_of(opened("s")->rootfs_path()), text_of(path("image")));
  EXPECT_THAT(write_snapshot(path("s"), "again"), IsOk());
}

TEST_F(WriterTest, RefusesWhatNoReaderWouldTakeAndLeavesNothing) {
  const auto finish = [&](const SnapshotMetadata& metadata, const MachineState& state) {
    return writer("s").finish(metadata, state);
  };
  MachineState state = small_machine();
  state.vcpus.clear();
  EXPECT_THAT(finish({}, state), Fails(Errc::kInvalidArgument));
  state = small_machine();
  state.vcpus[0].xsave.resize(7);
  const auto bad_state = finish({}, state);
  EXPECT_THAT(bad_state, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(bad_state.error().message(), HasSubstr("state: section VCPU 0: "));
  EXPECT_THAT(finish({}, machine_of(2)), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(finish({.extra = {{"key", "\xff"}}}, small_machine()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(finish({.extra = {{"key", std::string(kMaxMetadataBytes, 'x')}}}, small_machine()),
              Fails(Errc::kInvalidArgument));
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(WriterTest, RefusesMemorySizesThatCannotBe) {
  EXPECT_THAT(SnapshotWriter::create(path("s"), {.memory_mib = 0}), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(SnapshotWriter::create(path("s"), {.memory_mib = kMaxMemoryMib + 1}),
              Fails(Errc::kInvalidArgument));
  ASSERT_THAT(write_snapshot(path("base"), "a"), IsOk());
  EXPECT_THAT(SnapshotWriter::create(path("s"), {.memory_mib = 2, .base = opened("base")}),
              Fails(Errc::kInvalidArgument));
}

TEST_F(WriterTest, DoesNotReplaceWhatADiffStandsOn) {
  ASSERT_THAT(write_snapshot(path("base"), "a"), IsOk());
  ASSERT_THAT(write_snapshot(path("diff"), "b", opened("base")), IsOk());
  EXPECT_THAT(write_snapshot(path("diff/../base/"), "c", opened("diff")),
              Fails(Errc::kInvalidArgument));
}

TEST_F(WriterTest, FinishesOnce) {
  SnapshotWriter w = writer("s");
  ASSERT_THAT(w.finish({}, small_machine()), IsOk());
  EXPECT_THAT(w.finish({}, small_machine()), Fails(Errc::kInvalidArgument));
}

TEST_F(WriterTest, IsForItsOwnerAlone) {
  ASSERT_THAT(write_snapshot(path("s"), "a"), IsOk());
  struct stat status {};
  ASSERT_EQ(::stat(path("s").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  for (const std::string& name : names_in(path("s"))) {
    ASSERT_EQ(::stat(path("s/" + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

}  // namespace
}  // namespace supermachine
