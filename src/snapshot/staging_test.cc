// SPDX-License-Identifier: Apache-2.0
// What is left on disk, whatever happens to a writer.
#include "snapshot/staging.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "base/sys.h"
#include "result_matchers.h"
#include "snapshot_directory.h"

namespace supermachine {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StagingTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  [[nodiscard]] std::string memory_at(const std::string& name) const {
    const auto snapshot = Snapshot::open(path(name));
    if (!snapshot.ok()) return snapshot.error().code() == Errc::kNotFound ? "none" : "damaged";
    return snapshot.value()->verify().ok() ? memory_text(*snapshot.value()) : "damaged";
  }
  [[nodiscard]] std::vector<std::string> names() const { return names_in(dir_.path()); }

  TempDir dir_ = fast_directory();
};

// Runs `work` in a process of its own and kills it as it asks for its `calls`th system call. False
// when it was done before.
template <typename Work>
bool killed_at_call(int calls, Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  for (int stop = 0; stop < 2 * calls - 1; ++stop) {  // one at entry, one at return
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) return false;
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return true;
}

TEST_F(StagingTest, LeavesTheOldOrTheNewOneWheneverTheWriterIsKilled) {
  ASSERT_THAT(write_snapshot(path("s"), "old"), IsOk());
  int calls = 1;
  bool replaced = false;
  while (killed_at_call(calls, [&] { static_cast<void>(write_snapshot(path("s"), "new")); })) {
    const std::string found = memory_at("s");
    ASSERT_THAT(found, AnyOf("old", "new")) << calls;
    ASSERT_TRUE(found == "new" || !replaced) << "the old one came back";
    replaced = found == "new";
    ++calls;
  }
  EXPECT_TRUE(replaced);
  EXPECT_GT(calls, 30) << "it was not even looked at";
  EXPECT_EQ(memory_at("s"), "new");
  EXPECT_THAT(names(), ElementsAre("s")) << "the last one cleared up after all the others";
}

TEST_F(StagingTest, LeavesNothingOrAllWhenTheFirstWriterIsKilled) {
  int calls = 1;
  while (killed_at_call(calls, [&] { static_cast<void>(write_snapshot(path("s"), "new")); })) {
    const std::string found = memory_at("s");
    ASSERT_THAT(found, AnyOf("none", "new")) << calls;
    if (found == "new") std::filesystem::remove_all(path("s"));
    ++calls;
  }
  EXPECT_EQ(memory_at("s"), "new");
  EXPECT_THAT(names(), ElementsAre("s"));
}

TEST_F(StagingTest, LeavesNothingOfAnAbandonedWriter) {
  {
    SM_ASSERT_OK_AND_ASSIGN(auto writer, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
    ASSERT_THAT(writer.write_pages(0, pages("abc")), IsOk());
    EXPECT_THAT(names(), testing::SizeIs(1));
    const SnapshotWriter moved = std::move(writer);
    EXPECT_THAT(names(), testing::SizeIs(1));
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(StagingTest, DoesNotClearUpAfterTheLiving) {
  SM_ASSERT_OK_AND_ASSIGN(auto one, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
  SM_ASSERT_OK_AND_ASSIGN(auto other, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
  ASSERT_THAT(one.write_pages(0, pages("1")), IsOk());
  ASSERT_THAT(other.write_pages(0, pages("2")), IsOk());
  ASSERT_THAT(other.finish({}, small_machine()), IsOk());
  EXPECT_EQ(memory_at("s"), "2");
  ASSERT_THAT(one.finish({}, small_machine()), IsOk());
  EXPECT_EQ(memory_at("s"), "1");
  EXPECT_THAT(names(), ElementsAre("s"));
}

TEST_F(StagingTest, ReplacesOnlySnapshots) {
  ASSERT_THAT(make_directories(path("home")), IsOk());
  EXPECT_THAT(write_snapshot(path("home"), "a"), IsOk()) << "empty";
  put_text(path("home/letter.txt"), "dear");
  const auto refused = write_snapshot(path("home"), "b");
  ASSERT_THAT(refused, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr("holds other things than a snapshot: letter"));
  put_text(path("file"), "x");
  EXPECT_THAT(write_snapshot(path("file"), "b"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(write_snapshot("", "b"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(write_snapshot("/", "b"), Fails(Errc::kInvalidArgument));
  EXPECT_EQ(memory_at("home"), "a");
  EXPECT_THAT(names(), ElementsAre("file", "home"));
}

TEST_F(StagingTest, LooksAgainBeforeItReplaces) {
  SM_ASSERT_OK_AND_ASSIGN(auto writer, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
  ASSERT_THAT(make_directories(path("s")), IsOk());
  put_text(path("s/letter.txt"), "dear");
  EXPECT_THAT(writer.finish({}, small_machine()), Fails(Errc::kInvalidArgument));
  EXPECT_EQ(text_of(path("s/letter.txt")), "dear");
}

TEST_F(StagingTest, MakesTheDirectoriesAboveAndFollowsLinks) {
  ASSERT_THAT(write_snapshot(path("a/b/s/"), "a"), IsOk());
  std::filesystem::create_symlink("a/b", path("link"));
  ASSERT_THAT(write_snapshot(path("link/s"), "b"), IsOk());
  EXPECT_EQ(memory_at("a/b/s"), "b");
  std::filesystem::create_symlink("a/b/s", path("s"));
  ASSERT_THAT(write_snapshot(path("s"), "c"), IsOk());
  EXPECT_EQ(memory_at("a/b/s"), "c");
}

// A file cannot grow beyond the limit, as on a full disk. The signal that comes with it is ignored.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &old_), 0);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FullDisk() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &old_), 0);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_{};
  sighandler_t old_handler_;
};

TEST_F(StagingTest, SaysThatTheDiskIsFullAndKeepsTheOldOne) {
  ASSERT_THAT(write_snapshot(path("s"), "old"), IsOk());
  {
    const FullDisk at_once(0);
    EXPECT_THAT(write_snapshot(path("s"), "new"), Fails(Errc::kOs));
  }
  {
    SM_ASSERT_OK_AND_ASSIGN(auto writer, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
    const FullDisk during_memory(6000);
    const auto written = writer.write_pages(0, pages("abc"));
    ASSERT_THAT(written, Fails(Errc::kOs));
    EXPECT_THAT(written.error().message(), HasSubstr("s: memory.img: write: File too large"));
  }
  for (const rlim_t bytes : {100U, 1000U}) {  // metadata.json, restore.snap
    SM_ASSERT_OK_AND_ASSIGN(auto writer, SnapshotWriter::create(path("s"), {.memory_mib = 1}));
    const FullDisk during_state(bytes);
    EXPECT_THAT(writer.finish({}, small_machine()), Fails(Errc::kOs)) << bytes;
  }
  EXPECT_EQ(memory_at("s"), "old");
  EXPECT_THAT(names(), ElementsAre("s"));
}

}  // namespace
}  // namespace supermachine
