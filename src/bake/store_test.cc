// SPDX-License-Identifier: Apache-2.0
#include "bake/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "result_matchers.h"
#include "sample_metadata.h"

namespace supermachine::bake {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

BakeRecord sample_record(std::string key) {
  return {.key = std::move(key),
          .identity = "same",
          .reference = "nginx:1.27",
          .warmup_tag = "v1",
          .is_warm = true,
          .version = "0.1.0",
          .workload = {.mode = WorkloadMode::kRuns, .guest_port = 8080}};
}

class StoreTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const Extra& extra) {
    SnapshotMetadata metadata = sample_metadata();
    metadata.extra = extra;
    write(name, snapshot::encode_metadata(metadata));
  }
  void write(const std::string& name, const std::string& metadata) {
    fs::create_directories(store_.path_of(name));
    std::ofstream(store_.path_of(name) + "/metadata.json") << metadata;
    std::ofstream(store_.path_of(name) + "/memory.img") << std::string(10000, 'x');
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const StoredBake& bake : store_.list().value()) names.push_back(bake.name);
    return names;
  }

  TempDir dir_ = TempDir::create().value();
  Store store_{dir_.path() + "/store"};
};

TEST_F(StoreTest, FindsWhatWasKept) {
  put("web", to_extra(sample_record("k1")));

  const auto bake = store_.find("web");
  ASSERT_TRUE(bake);
  EXPECT_EQ(bake->record, sample_record("k1"));
  EXPECT_EQ(bake->metadata.memory_mib, 1U);
  EXPECT_GE(bake->disk_bytes, 10000U);
  EXPECT_EQ(store_.record_of("web"), sample_record("k1"));
}

TEST_F(StoreTest, IsEmptyBeforeThereIsADirectory) {
  EXPECT_TRUE(store_.list().value().empty());
  EXPECT_FALSE(store_.find("web"));
}

TEST_F(StoreTest, PassesOverWhatIsNoBake) {
  put("b", to_extra(sample_record("k2")));
  put("a", to_extra(sample_record("k1")));
  put("snapshot-of-somebody", {});
  put(".a.snapshot-XYZ", to_extra(sample_record("half")));
  write("broken", "{");
  write("foreign", "[1, 2]");
  fs::create_directories(store_.path_of("empty"));
  std::ofstream(store_.path_of("file")) << "x";

  EXPECT_THAT(names(), ElementsAre("a", "b"));
}

TEST_F(StoreTest, KnowsWhenABakeWasUsed) {
  put("web", to_extra(sample_record("k1")));
  const timespec long_ago[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
  ::utimensat(AT_FDCWD, (store_.path_of("web") + "/metadata.json").c_str(), long_ago, 0);
  ASSERT_EQ(store_.find("web")->last_used, 1000);

  store_.touch("web");

  EXPECT_GT(store_.find("web")->last_used, 1'700'000'000);
}

TEST_F(StoreTest, RemovesABakeWithItsBase) {
  put("web", to_extra(sample_record("k1")));
  put(base_name_of("web"), to_extra(sample_record("k0")));
  put("web2", to_extra(sample_record("k2")));

  EXPECT_THAT(store_.remove("web", deadline_in(std::chrono::seconds(1))), IsOk());

  EXPECT_THAT(names(), ElementsAre("web2"));
  EXPECT_THAT(store_.remove("web", deadline_in(std::chrono::seconds(1))),
              FailsSaying(Errc::kNotFound, "no bake is called web"));
}

TEST_F(StoreTest, RemovesNothingButBakes) {
  fs::create_directories(dir_.path() + "/precious");
  put("snapshot-of-somebody", {});

  EXPECT_THAT(store_.remove("../precious", deadline_in({})), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(store_.remove("snapshot-of-somebody", deadline_in({})), Fails(Errc::kNotFound));
  EXPECT_TRUE(fs::exists(dir_.path() + "/precious"));
  EXPECT_TRUE(fs::exists(store_.path_of("snapshot-of-somebody")));
}

TEST_F(StoreTest, ClearsUpAfterWhoWasKilled) {
  put("web", to_extra(sample_record("k1")));
  write(".web.snapshot-Ab12cd", "{");
  write(".web.snapshot-Ab12cd.old", "{");
  write(".web.removed", "{");
  for (const char* other :
       {"other", ".other", ".web.snapshot-", ".web.snapshot-Ab12cdE", "x.removed"})
    write(other, "{");

  const snapshot::Removed removed = store_.remove_remains();

  EXPECT_EQ(removed.files, 6U);  // two in each
  EXPECT_GE(removed.bytes, 30000U);
  for (const char* gone : {".web.snapshot-Ab12cd", ".web.snapshot-Ab12cd.old", ".web.removed"})
    EXPECT_FALSE(fs::exists(store_.path_of(gone))) << gone;
  for (const char* kept :
       {"web", "other", ".other", ".web.snapshot-", ".web.snapshot-Ab12cdE", "x.removed"})
    EXPECT_TRUE(fs::exists(store_.path_of(kept) + "/memory.img")) << kept;
}

TEST_F(StoreTest, LeavesAloneWhatSomebodyWorksOn) {
  SM_ASSERT_OK_AND_ASSIGN(const auto staging, snapshot::Staging::create(store_.path_of("making")));
  write(".removing.removed", "{");
  SM_ASSERT_OK_AND_ASSIGN(const FileLock lock, store_.lock("removing", deadline_in({})));

  EXPECT_EQ(store_.remove_remains().files, 0U);

  EXPECT_TRUE(fs::exists(staging.path()));
  EXPECT_TRUE(fs::exists(store_.path_of(".removing.removed")));
}

TEST_F(StoreTest, WaitsForWhoMakesABake) {
  SM_ASSERT_OK_AND_ASSIGN(const FileLock lock, store_.lock("web", deadline_in({})));

  EXPECT_THAT(store_.lock("web", deadline_in(std::chrono::milliseconds(20))),
              Fails(Errc::kTimeout));
  EXPECT_THAT(store_.lock("other", deadline_in({})), IsOk());
}

// Its warm bake is being made of it, and is not there yet.
TEST_F(StoreTest, LeavesABaseToWhoWarmsItUp) {
  put("web__base", to_extra(sample_record("k1")));
  {
    SM_ASSERT_OK_AND_ASSIGN(const FileLock warming, store_.lock("web", deadline_in({})));
    EXPECT_THAT(store_.remove("web__base", deadline_in({})), Fails(Errc::kTimeout));
    EXPECT_THAT(names(), ElementsAre("web__base"));
  }
  EXPECT_THAT(store_.remove("web__base", deadline_in({})), IsOk());
  EXPECT_TRUE(names().empty());
}

TEST(BakeRecord, LeavesOutWhatMakesNoSense) {
  const BakeRecord record = bake_record_of(
      {{"bake.key", "k"}, {"guest_port", "123456"}, {"workload", "dances"}, {"other", "x"}});

  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.workload, WorkloadTraits());
  EXPECT_FALSE(record.is_warm);
}

TEST(BakeRecord, OfASnapshotSaysWhatItsVmsNeed) {
  const WorkloadTraits traits{.mode = WorkloadMode::kStarts, .guest_port = 80};

  EXPECT_EQ(bake_record_of(to_extra(traits)).workload, traits);
  EXPECT_TRUE(bake_record_of(to_extra(traits)).key.empty());
}

}  // namespace
}  // namespace supermachine::bake
