// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/vms/file.h"
#include "cli/vms/names.h"
#include "cli/vms/process.h"
#include "cli/vms/temporary_directory.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

VmState described(std::string name = {}) {
  VmState state;
  state.name = std::move(name);
  state.created = now();
  state.pid = ::getpid();
  return state;
}

class StoreTest : public ::testing::Test {
 protected:
  VmStore open() { return VmStore::open_at(directory_.path()).value(); }

  // As it is on record of one that runs, while its process is gone.
  std::string left_behind(const std::string& name, VmStatus status, bool remove = false) {
    VmStore store = open();
    OwnVm own = store.add(described(name)).value();
    VmState state = own.state();
    state.status = status;
    state.remove = remove;
    state.socket = "supermachine-abc/vsock";
    own.update(state).value();
    fs::create_directory(own.directory() + "/supermachine-abc");
    return own.directory();
  }

  const TemporaryDirectory directory_;
};

TEST(VmNames, AreHexIdsAndTwoWords) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string id, random_id());
  SM_ASSERT_OK_AND_ASSIGN(const std::string name, random_name([](const auto&) { return false; }));

  EXPECT_THAT(id, SizeIs(64));
  EXPECT_TRUE(is_hex(id));
  EXPECT_THAT(short_id(id), SizeIs(12));
  EXPECT_THAT(name, MatchesRegex("[a-z]+-[a-z]+"));
  EXPECT_TRUE(is_valid_name(name));
}

TEST(VmNames, GetANumberWhereTheWordsAreTaken) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string name, random_name([](const std::string& candidate) {
                            return candidate.find_first_of("0123456789") == std::string::npos;
                          }));

  EXPECT_THAT(name, MatchesRegex("[a-z]+-[a-z]+[0-9]+"));
}

TEST(VmNames, FollowDockersRules) {
  for (const char* name : {"web", "a1", "0x", "A_b.c-d"}) EXPECT_TRUE(is_valid_name(name)) << name;
  for (const char* name : {"", "a", "-a", ".a", "a b", "a/b", "é1", "a\n"}) {
    EXPECT_FALSE(is_valid_name(name)) << name;
  }
  EXPECT_FALSE(is_valid_name(std::string(129, 'a')));
}

TEST_F(StoreTest, GivesIdsAndNamesAndFindsByThem) {
  VmStore store = open();
  SM_ASSERT_OK_AND_ASSIGN(const OwnVm web, store.add(described("web")));
  SM_ASSERT_OK_AND_ASSIGN(const OwnVm other, store.add(described()));
  const std::string id = web.state().id;

  for (const std::string& wanted : {std::string("web"), id, id.substr(0, 12), id.substr(0, 10)}) {
    SM_ASSERT_OK_AND_ASSIGN(const VmEntry found, store.find(wanted));
    EXPECT_EQ(found.state.id, id);
    EXPECT_TRUE(found.alive);
  }
  EXPECT_FALSE(other.state().name.empty());
  EXPECT_THAT(store.list().value(), SizeIs(2));
  EXPECT_THAT(store.find("we"), Fails(Errc::kNotFound));
  EXPECT_THAT(store.find(""), Fails(Errc::kNotFound));
}

TEST_F(StoreTest, RefusesABeginningThatSeveralHave) {
  VmStore store = open();
  std::vector<OwnVm> vms;
  for (int i = 0; i < 17; ++i) vms.push_back(store.add(described()).value());

  int ambiguous = 0;
  for (const char digit : std::string("0123456789abcdef")) {
    const auto found = store.find(std::string(1, digit));
    if (!found.ok() && found.error().code() == Errc::kInvalidArgument) ++ambiguous;
  }
  EXPECT_GE(ambiguous, 1);  // 17 ids, 16 digits
}

TEST_F(StoreTest, FindsByNameWhatSeveralIdsBeginWith) {
  VmStore store = open();
  std::vector<OwnVm> vms;
  std::set<std::string> beginnings;
  do {
    vms.push_back(store.add(described()).value());
  } while (beginnings.insert(vms.back().state().id.substr(0, 2)).second);
  VmState state = described(vms.back().state().id.substr(0, 2));
  state.created = TimePoint{};  // the last in the list
  SM_ASSERT_OK_AND_ASSIGN(const OwnVm own, store.add(state));

  SM_ASSERT_OK_AND_ASSIGN(const VmEntry found, store.find(state.name));

  EXPECT_EQ(found.state.id, own.state().id);
}

TEST_F(StoreTest, RefusesANameThatIsTaken) {
  VmStore store = open();
  SM_ASSERT_OK_AND_ASSIGN(const OwnVm web, store.add(described("web")));
  const auto second = store.add(described("web"));

  ASSERT_THAT(second, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(second.error().message(),
              HasSubstr("the name 'web' is taken by the VM " + short_id(web.state().id)));
  EXPECT_THAT(store.list().value(), SizeIs(1));
}

TEST_F(StoreTest, TellsTheEndOfAVmThatIsGone) {
  VmStore store = open();
  SM_ASSERT_OK_AND_ASSIGN(OwnVm own, store.add(described("web")));
  SM_ASSERT_OK_AND_ASSIGN(const VmEntry entry, store.find("web"));
  SM_ASSERT_OK_AND_ASSIGN(const VmEnding ending, VmEnding::open(entry));
  SM_ASSERT_OK_AND_ASSIGN(const auto before, ending.exit_code());
  EXPECT_EQ(before, std::nullopt);

  VmState state = own.state();
  state.status = VmStatus::kExited;
  state.exit_code = 7;
  ASSERT_THAT(own.update(state), IsOk());
  own.remove();

  SM_ASSERT_OK_AND_ASSIGN(const auto after, ending.exit_code());
  EXPECT_EQ(after, 7);
  EXPECT_FALSE(VmEnding::open(entry).ok());
}

TEST_F(StoreTest, SeesTheEndOfAProcessThatSaidNothing) {
  const std::string directory = left_behind("web", VmStatus::kRunning);
  VmStore store = open();

  SM_ASSERT_OK_AND_ASSIGN(const VmEntry entry, store.find("web"));

  EXPECT_FALSE(entry.alive);
  EXPECT_EQ(entry.state.status, VmStatus::kExited);
  EXPECT_EQ(entry.state.exit_code, 137);
  EXPECT_NE(entry.state.finished, TimePoint{});
  EXPECT_FALSE(fs::exists(directory + "/supermachine-abc"));
  EXPECT_EQ(parse_state(read_small_file(directory + "/state.json", 1 << 20).value()).value(),
            entry.state);
}

TEST_F(StoreTest, RemovesWhatNobodyWantsAnyMore) {
  const std::string starting = left_behind("one", VmStatus::kStarting);
  const std::string removed = left_behind("two", VmStatus::kRunning, true);
  const std::string ended = left_behind("three", VmStatus::kExited, true);
  const std::string empty = directory_.path() + "/vms/0123456789ab";
  fs::create_directory(empty);
  VmStore store = open();

  EXPECT_THAT(store.list().value(), IsEmpty());
  for (const std::string& directory : {starting, removed, ended, empty}) {
    EXPECT_FALSE(fs::exists(directory)) << directory;
  }
}

TEST_F(StoreTest, RemovesOnlyWhatHasEnded) {
  const std::string ended = left_behind("old", VmStatus::kExited);
  VmStore store = open();
  SM_ASSERT_OK_AND_ASSIGN(const OwnVm web, store.add(described("web")));

  EXPECT_THAT(store.remove(store.find("old").value()), IsOk());
  EXPECT_FALSE(fs::exists(ended));
  EXPECT_THAT(store.remove(store.find("web").value()), Fails(Errc::kInvalidArgument));
  EXPECT_TRUE(fs::exists(web.directory()));
}

TEST_F(StoreTest, LeavesADamagedEntryToItself) {
  const std::string damaged = left_behind("bad", VmStatus::kExited);
  std::ofstream(damaged + "/state.json") << "{\"version\": 1, ";
  left_behind("good", VmStatus::kExited);
  VmStore store = open();

  EXPECT_THAT(store.list().value(), SizeIs(2));
  EXPECT_THAT(store.find("good"), IsOk());
  EXPECT_THAT(store.find("bad"), Fails(Errc::kNotFound));
  SM_ASSERT_OK_AND_ASSIGN(const VmEntry entry, store.find(fs::path(damaged).filename().string()));
  EXPECT_THAT(entry.problem, HasSubstr("state.json is damaged"));
  EXPECT_THAT(store.remove(entry), IsOk());
  EXPECT_FALSE(fs::exists(damaged));
}

// As when a later version wrote it.
TEST_F(StoreTest, KnowsADamagedEntryByTheNameThatCanBeRead) {
  const std::string damaged = left_behind("bad", VmStatus::kExited);
  std::string text = read_small_file(damaged + "/state.json", 1 << 20).value();
  const std::string id = parse_state(text).value().id;
  text.replace(text.find("\"version\": 1"), 12, "\"version\": 9");
  std::ofstream(damaged + "/state.json") << text;
  VmStore store = open();

  for (const std::string& wanted : {std::string("bad"), id, id.substr(0, 7)}) {
    SM_ASSERT_OK_AND_ASSIGN(const VmEntry entry, store.find(wanted));
    EXPECT_EQ(entry.directory, damaged);
    EXPECT_THAT(entry.problem, HasSubstr("of another version"));
  }
  EXPECT_THAT(store.add(described("bad")), FailsSaying(Errc::kInvalidArgument, "is taken"));
}

TEST_F(StoreTest, RefusesTheStateOfAnotherVm) {
  const std::string one = left_behind("one", VmStatus::kExited);
  const std::string two = left_behind("two", VmStatus::kExited);
  fs::copy_file(one + "/state.json", two + "/state.json", fs::copy_options::overwrite_existing);
  VmStore store = open();

  SM_ASSERT_OK_AND_ASSIGN(const VmEntry entry, store.find(fs::path(two).filename().string()));
  EXPECT_THAT(entry.problem, HasSubstr("of another VM"));
  SM_ASSERT_OK_AND_ASSIGN(const VmEntry named, store.find("one"));
  EXPECT_EQ(named.directory, one);
}

TEST_F(StoreTest, FollowsNoSymlinks) {
  const TemporaryDirectory elsewhere;
  std::ofstream(elsewhere.path() + "/precious") << "x";
  fs::create_directory(directory_.path() + "/vms");
  fs::create_directory_symlink(elsewhere.path(), directory_.path() + "/vms/0123456789ab");
  const std::string entry = left_behind("old", VmStatus::kExited);
  fs::remove(entry + "/state.json");
  fs::create_symlink(elsewhere.path() + "/precious", entry + "/state.json");
  VmStore store = open();

  SM_ASSERT_OK_AND_ASSIGN(const auto entries, store.list());
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_FALSE(entries[0].problem.empty());
  EXPECT_THAT(store.remove(entries[0]), IsOk());
  EXPECT_TRUE(fs::exists(elsewhere.path() + "/precious"));
}

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest() {
    ::unsetenv("SUPERMACHINE_RUNTIME");
    ::unsetenv("XDG_RUNTIME_DIR");
    ::unsetenv("SUPERMACHINE_IN_LAB");
  }
  const TemporaryDirectory directory_;
};

TEST_F(RuntimeTest, IsWhereTheEnvironmentSays) {
  ::setenv("XDG_RUNTIME_DIR", directory_.path().c_str(), 1);
  EXPECT_EQ(runtime_directory().value(), directory_.path() + "/supermachine");
  ::setenv("SUPERMACHINE_RUNTIME", (directory_.path() + "/own").c_str(), 1);
  EXPECT_EQ(runtime_directory().value(), directory_.path() + "/own");
  ::setenv("SUPERMACHINE_RUNTIME", "relative", 1);
  EXPECT_THAT(runtime_directory(), Fails(Errc::kInvalidArgument));
}

TEST_F(RuntimeTest, IsThisUsersAlone) {
  const std::string path = directory_.path() + "/own";
  ::setenv("SUPERMACHINE_RUNTIME", path.c_str(), 1);
  ASSERT_THAT(runtime_directory(), IsOk());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);

  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  EXPECT_THAT(runtime_directory(), Fails(Errc::kInvalidArgument));
  fs::remove(path);
  fs::create_directory_symlink(directory_.path(), path);
  EXPECT_THAT(runtime_directory(), Fails(Errc::kInvalidArgument));
  fs::remove(path);
  std::ofstream(path) << "x";
  EXPECT_THAT(runtime_directory(), Fails(Errc::kInvalidArgument));
}

TEST(VmProcess, IsKnownByItsStart) {
  const std::int64_t pid = ::getpid();
  const auto start = process_start(pid);
  ASSERT_TRUE(start.has_value());

  SM_ASSERT_OK_AND_ASSIGN(const auto self, VmProcess::open(pid, *start));
  SM_ASSERT_OK_AND_ASSIGN(const auto other, VmProcess::open(pid, *start + 1));
  SM_ASSERT_OK_AND_ASSIGN(const auto gone, VmProcess::open((1 << 22) - 1, 1));

  ASSERT_TRUE(self.has_value());
  EXPECT_FALSE(self->wait(std::chrono::milliseconds(1)).value());
  EXPECT_FALSE(other.has_value());
  EXPECT_FALSE(gone.has_value());
}

}  // namespace
}  // namespace supermachine::cli
