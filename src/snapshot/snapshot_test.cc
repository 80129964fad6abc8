// SPDX-License-Identifier: Apache-2.0
#include "snapshot/snapshot.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "base/crc32c.h"
#include "golden.h"
#include "result_matchers.h"
#include "sample_metadata.h"
#include "snapshot/limits.h"
#include "snapshot/memory_checksum.h"
#include "snapshot/restore_file.h"
#include "snapshot_directory.h"

namespace supermachine {
namespace {

using namespace snapshot;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class SnapshotTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  // Reads `name` of the snapshot in "s", changes it, and says what open() then says.
  template <typename Change>
  std::string why_with(const std::string& name, Change change) {
    const std::string file = path("s/" + name);
    const std::string before = text_of(file);
    std::string text = before;
    change(text);
    put_text(file, text);
    const auto result = Snapshot::open(path("s"));
    put_text(file, before);
    if (result.ok()) return "it is fine";
    EXPECT_THAT(result, Fails(Errc::kCorrupt));
    return result.error().message();
  }

  TempDir dir_ = fast_directory();
};

TEST_F(SnapshotTest, OpensByDirectoryAndByFile) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  for (const char* name : {"s", "s/", "s/restore.snap"}) {
    SM_ASSERT_OK_AND_ASSIGN(const auto snapshot, Snapshot::open(path(name)));
    EXPECT_EQ(memory_text(*snapshot), "ab");
    EXPECT_EQ(snapshot->state().vcpus.size(), 1U);
    EXPECT_EQ(snapshot->metadata().kind, SnapshotMetadata::Kind::kFull);
    EXPECT_EQ(snapshot->metadata().stored_bytes, 2 * kPageSize);
    EXPECT_EQ(snapshot->id(), snapshot->metadata().id);
    EXPECT_EQ(snapshot->hot_set(), std::nullopt);
    EXPECT_EQ(snapshot->rootfs_path(), "");
    EXPECT_THAT(snapshot->verify(), IsOk());
  }
}

TEST_F(SnapshotTest, SaysThatThereIsNone) {
  EXPECT_THAT(Snapshot::open(path("nothing")), Fails(Errc::kNotFound));
  ASSERT_THAT(make_directories(path("empty")), IsOk());
  const auto empty = Snapshot::open(path("empty"));
  ASSERT_THAT(empty, Fails(Errc::kNotFound));
  EXPECT_THAT(empty.error().message(), EndsWith("empty: holds no snapshot"));
}

TEST_F(SnapshotTest, NamesTheFileThatIsMissingOrOddOrOfTheWrongSize) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  const auto shorten = [](std::string& text) { text.pop_back(); };
  EXPECT_THAT(why_with("restore.snap", shorten), HasSubstr("restore.snap: header: "));
  EXPECT_THAT(why_with("metadata.json", shorten), HasSubstr("metadata.json: not the text"));
  EXPECT_THAT(why_with("memory.img", shorten), HasSubstr("memory.img: 1048575 bytes instead of"));
  const auto lengthen = [](std::string& text) { text += '\0'; };
  EXPECT_THAT(why_with("memory.img", lengthen), HasSubstr("memory.img: 1048577 bytes"));

  std::filesystem::remove(path("s/memory.img"));
  EXPECT_THAT(Snapshot::open(path("s")).error().message(), HasSubstr("memory.img is missing"));
  ASSERT_EQ(::mkfifo(path("s/memory.img").c_str(), 0600), 0);
  EXPECT_THAT(Snapshot::open(path("s")).error().message(),
              HasSubstr("memory.img is no regular file"));
}

TEST_F(SnapshotTest, RefusesMetadataOfAnotherSnapshot) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  ASSERT_THAT(write_snapshot(path("other"), "ab"), IsOk());
  const std::string foreign = text_of(path("other/metadata.json"));
  EXPECT_THAT(why_with("metadata.json", [&](std::string& text) { text = foreign; }),
              HasSubstr("metadata.json: not the text that restore.snap was written with"));
}

TEST_F(SnapshotTest, RefusesMetadataThatContradictsTheState) {
  const auto contradict = [&](auto change) {
    EXPECT_THAT(write_snapshot(path("s"), "ab"), IsOk());
    const std::string restore = text_of(path("s/restore.snap"));
    auto file = decode_restore_file(std::as_bytes(std::span(restore))).value();
    auto metadata = decode_metadata(text_of(path("s/metadata.json"))).value();
    change(metadata);
    const std::string text = encode_metadata(metadata);
    file.metadata_bytes = text.size();
    file.metadata_crc32c = crc32c(std::as_bytes(std::span(text)));
    put_text(path("s/metadata.json"), text);
    const auto bytes = encode_restore_file(file);
    put_text(path("s/restore.snap"), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const auto result = Snapshot::open(path("s"));
    return result.ok() ? "it is fine" : result.error().message();
  };
  EXPECT_EQ(contradict([](SnapshotMetadata&) {}), "it is fine");
  EXPECT_THAT(contradict([](SnapshotMetadata& m) { m.id = sample_id(); }),
              HasSubstr("different snapshots"));
  EXPECT_THAT(contradict([](SnapshotMetadata& m) { m.vcpus = 2; }), HasSubstr("another machine"));
  EXPECT_THAT(contradict([](SnapshotMetadata& m) { m.memory_mib = 2; }),
              HasSubstr("another machine"));
  EXPECT_THAT(contradict([](SnapshotMetadata& m) {
                m.kind = SnapshotMetadata::Kind::kDiff;
                m.base = {.path = "../b", .id = {}};
              }),
              HasSubstr("different snapshots"));
}

TEST_F(SnapshotTest, VerifyFindsAFlippedBitOfMemory) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  std::string memory = text_of(path("s/memory.img"));
  memory[5000] ^= 1;
  put_text(path("s/memory.img"), memory);
  SM_ASSERT_OK_AND_ASSIGN(const auto snapshot, Snapshot::open(path("s")));
  const auto verified = snapshot->verify();
  ASSERT_THAT(verified, Fails(Errc::kCorrupt));
  EXPECT_THAT(verified.error().message(),
              EndsWith("s/memory.img: the checksum of the 1 MiB at 0 MiB is wrong"));
}

TEST_F(SnapshotTest, StandsOnItsBases) {
  ASSERT_THAT(write_snapshot(path("base"), "abcd"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const auto base, Snapshot::open(path("base")));
  {
    SM_ASSERT_OK_AND_ASSIGN(auto writer,
                            SnapshotWriter::create(path("diff"), {.memory_mib = 1, .base = base}));
    ASSERT_THAT(writer.write_pages(kPageSize, pages("X.")), IsOk());
    ASSERT_THAT(writer.finish({}, small_machine()), IsOk());
  }
  SM_ASSERT_OK_AND_ASSIGN(const auto diff, Snapshot::open(path("diff")));
  {
    SM_ASSERT_OK_AND_ASSIGN(auto writer,
                            SnapshotWriter::create(path("top"), {.memory_mib = 1, .base = diff}));
    ASSERT_THAT(writer.write_pages(2 * kPageSize, pages("Y.Z")), IsOk());
    ASSERT_THAT(writer.finish({}, small_machine()), IsOk());
  }
  SM_ASSERT_OK_AND_ASSIGN(const auto top, Snapshot::open(path("top")));

  EXPECT_EQ(memory_text(*base), "abcd");
  EXPECT_EQ(memory_text(*diff), "aX.d");
  EXPECT_EQ(memory_text(*top), "aXY.Z");
  EXPECT_EQ(diff->metadata().kind, SnapshotMetadata::Kind::kDiff);
  EXPECT_EQ(diff->metadata().base->path, "../base");
  EXPECT_EQ(diff->metadata().stored_bytes, kPageSize);
  EXPECT_EQ(top->memory().files.size(), 3U);
  EXPECT_THAT(top->verify(), IsOk());

  // Together they may move.
  std::filesystem::create_directory(path("elsewhere"));
  for (const char* name : {"base", "diff", "top"}) {
    std::filesystem::rename(path(name), path(std::string("elsewhere/") + name));
  }
  SM_ASSERT_OK_AND_ASSIGN(const auto moved, Snapshot::open(path("elsewhere/top")));
  EXPECT_EQ(memory_text(*moved), "aXY.Z");

  std::string memory = text_of(path("elsewhere/base/memory.img"));
  memory[0] ^= 1;
  put_text(path("elsewhere/base/memory.img"), memory);
  EXPECT_THAT(moved->verify().error().message(), HasSubstr("base/memory.img"));
}

TEST_F(SnapshotTest, RefusesABaseThatIsAnotherOrGone) {
  ASSERT_THAT(write_snapshot(path("base"), "abcd"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const auto base, Snapshot::open(path("base")));
  ASSERT_THAT(write_snapshot(path("diff"), "X", base), IsOk());
  ASSERT_THAT(write_snapshot(path("base"), "abcd"), IsOk());
  const auto other = Snapshot::open(path("diff"));
  ASSERT_THAT(other, Fails(Errc::kCorrupt));
  EXPECT_THAT(other.error().message(), HasSubstr("is another snapshot than " + base->id().hex()));
  std::filesystem::remove_all(path("base"));
  EXPECT_THAT(Snapshot::open(path("diff")), Fails(Errc::kNotFound));
  ASSERT_EQ(::mkfifo(path("base").c_str(), 0600), 0);
  EXPECT_THAT(Snapshot::open(path("diff")), Fails(Errc::kNotFound)) << "without waiting for it";
}

TEST_F(SnapshotTest, HasALimitedNumberOfBases) {
  ASSERT_THAT(write_snapshot(path("0"), "a"), IsOk());
  std::shared_ptr<const Snapshot> top = Snapshot::open(path("0")).value();
  for (std::size_t i = 1; i <= kMaxBases; ++i) {
    ASSERT_THAT(write_snapshot(path(std::to_string(i)), "a", top), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(top, Snapshot::open(path(std::to_string(i))));
  }
  EXPECT_THAT(write_snapshot(path("too many"), "a", top), Fails(Errc::kInvalidArgument));
}

TEST_F(SnapshotTest, CarriesItsHotSet) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const auto before, Snapshot::open(path("s")));
  HotSet hot_set{.snapshot = before->id(), .read = {{4, 2}}, .written = {{0, 1}}};
  ASSERT_THAT(store_hot_set(path("s"), hot_set), IsOk());
  hot_set.written.push_back({255, 1});
  ASSERT_THAT(store_hot_set(path("s"), hot_set), IsOk());

  SM_ASSERT_OK_AND_ASSIGN(const auto after, Snapshot::open(path("s")));
  EXPECT_EQ(after->hot_set(), hot_set);
  EXPECT_EQ(names_in(path("s")),
            (std::vector<std::string>{"hot.set", "memory.img", "metadata.json", "restore.snap"}));

  EXPECT_THAT(why_with("hot.set", [](std::string& text) { text[20] ^= 1; }),
              HasSubstr("hot.set: its checksum is wrong"));
  hot_set.written.push_back({256, 1});
  const auto beyond = encode_hot_set(hot_set);
  EXPECT_THAT(why_with("hot.set",
                       [&](std::string& text) {
                         text.assign(reinterpret_cast<const char*>(beyond.data()), beyond.size());
                       }),
              HasSubstr("hot.set: run at page 256 leaves the memory"));
}

TEST_F(SnapshotTest, RefusesTheHotSetOfAnother) {
  ASSERT_THAT(write_snapshot(path("s"), "ab"), IsOk());
  const HotSet foreign{.snapshot = sample_id()};
  EXPECT_THAT(store_hot_set(path("s"), foreign), Fails(Errc::kInvalidArgument));
  EXPECT_FALSE(std::filesystem::exists(path("s/hot.set")));
  const auto bytes = encode_hot_set(foreign);
  put_text(path("s/hot.set"), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_THAT(Snapshot::open(path("s")).error().message(),
              HasSubstr("hot.set: is that of another snapshot"));
}

TEST_F(SnapshotTest, OpensOneOrTheOtherWhileItIsReplaced) {
  ASSERT_THAT(write_snapshot(path("s"), "a"), IsOk());
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 20; ++i)
      EXPECT_THAT(write_snapshot(path("s"), i % 2 == 0 ? "b" : "a"), IsOk());
    done = true;
  });
  while (!done) {
    SM_ASSERT_OK_AND_ASSIGN(const auto snapshot, Snapshot::open(path("s")));
    const std::string text = memory_text(*snapshot);
    EXPECT_TRUE(text == "a" || text == "b") << text;
  }
}

// Written by the first version that had the format; must open forever.
std::vector<std::byte> golden_memory() {
  auto memory = pages(std::string(256, '.'));
  for (const std::size_t page : {1U, 2U, 200U}) memory[page * kPageSize + 17] = std::byte{0x5a};
  return memory;
}

TEST(SnapshotFormatV1, IsWrittenAsItAlwaysWas) {
  SnapshotMetadata metadata = sample_metadata();
  metadata.kind = SnapshotMetadata::Kind::kFull;
  metadata.base.reset();
  const std::string text = encode_metadata(metadata);
  RestoreFile file{.id = sample_id(),
                   .metadata_bytes = text.size(),
                   .metadata_crc32c = crc32c(std::as_bytes(std::span(text))),
                   .state = sample_machine()};
  file.runs = {{.first = 1, .count = 2}, {.first = 200, .count = 1}};
  const auto memory = golden_memory();
  std::uint32_t checksum = crc32c(std::span(memory).subspan(kPageSize, 2 * kPageSize));
  checksum = crc32c(std::span(memory).subspan(200 * kPageSize, kPageSize), checksum);
  file.checksums = {checksum};
  const HotSet hot_set{.snapshot = sample_id(), .read = {{1, 1}}, .written = {{200, 1}}};

  expect_matches_golden(std::as_bytes(std::span(text)), "snapshot/v1/metadata.json");
  expect_matches_golden(encode_restore_file(file), "snapshot/v1/restore.snap");
  expect_matches_golden(encode_hot_set(hot_set), "snapshot/v1/hot.set");
  expect_matches_golden(memory, "snapshot/v1/memory.img");
}

TEST(SnapshotFormatV1, IsReadAsItWasWritten) {
  SM_ASSERT_OK_AND_ASSIGN(const auto snapshot, Snapshot::open(golden_path("snapshot/v1")));

  EXPECT_THAT(snapshot->verify(), IsOk());
  EXPECT_EQ(snapshot->id(), sample_id());
  EXPECT_EQ(snapshot->metadata().image, sample_metadata().image);
  EXPECT_EQ(snapshot->metadata().host, sample_metadata().host);
  EXPECT_EQ(snapshot->rootfs_path(), "/var/cache/rootfs.squashfs");
  ASSERT_EQ(snapshot->state().vcpus.size(), 2U);
  EXPECT_EQ(snapshot->state().vcpus[0].msrs, sample_vcpu().msrs);
  EXPECT_EQ(snapshot->state().vcpus[0].regs.rip, sample_vcpu().regs.rip);
  EXPECT_EQ(snapshot->state().vsock.device.mux, sample_machine().vsock.device.mux);
  EXPECT_EQ(snapshot->hot_set()->written, (std::vector<PageRun>{{200, 1}}));
  const std::string text = memory_text(*snapshot);
  EXPECT_EQ(text.size(), 201U);
  EXPECT_EQ(std::ranges::count(text, '?'), 3);
}

}  // namespace
}  // namespace supermachine
