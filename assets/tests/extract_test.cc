// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "result_matchers.h"
#include "supermachine/kernel.h"

namespace supermachine_kernel {
namespace {

using supermachine::Errc;
using supermachine::Fails;
using supermachine::FailsSaying;
using supermachine::IsOk;
using supermachine::read_file;
using supermachine::Status;
using supermachine::TempDir;

// Usable where the compiler wants to know.
static_assert(KERNEL_LEN == 140'000 && SUPERMACHINE_AGENT_LEN == 120'000 && BUSYBOX_LEN == 160'000);
static_assert(VERSION == "0.1.2");

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // text is bytes
}

std::string content(const std::string& path) {
  const auto read = read_file(path, 1 << 20);
  return read.ok() ? read.value() : read.error().message();
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

class Extract : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      all.push_back(entry.path().filename().string());
    return all;
  }
  void write(const std::string& name, const std::string& bytes) const {
    auto file = supermachine::AtomicFile::create(path(name), 0400);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(supermachine::write_all(file.value().fd(), std::as_bytes(std::span(bytes))),
                IsOk());
    ASSERT_THAT(file.value().commit(), IsOk());
  }

  TempDir dir_ = TempDir::create().value();
};

TEST(Bytes, AreThoseOfTheFiles) {
  EXPECT_EQ(text(KERNEL_BYTES), content(SM_SMALL_ASSETS "/kernel"));
  EXPECT_EQ(text(SUPERMACHINE_AGENT_BYTES), content(SM_SMALL_ASSETS "/agent"));
  EXPECT_EQ(text(BUSYBOX_BYTES), content(SM_SMALL_ASSETS "/busybox"));
  EXPECT_EQ(KERNEL_BYTES.size(), KERNEL_LEN);
  EXPECT_EQ(SUPERMACHINE_AGENT_BYTES.size(), SUPERMACHINE_AGENT_LEN);
  EXPECT_EQ(BUSYBOX_BYTES.size(), BUSYBOX_LEN);
}

TEST_F(Extract, WritesEachWithItsMode) {
  const mode_t was = ::umask(077);
  EXPECT_THAT(extract_kernel_to(path("kernel")), IsOk());
  EXPECT_THAT(extract_supermachine_agent_to(path("agent")), IsOk());
  EXPECT_THAT(extract_busybox_to(path("busybox")), IsOk());
  ::umask(was);

  EXPECT_EQ(content(path("kernel")), text(KERNEL_BYTES));
  EXPECT_EQ(content(path("agent")), text(SUPERMACHINE_AGENT_BYTES));
  EXPECT_EQ(content(path("busybox")), text(BUSYBOX_BYTES));
  EXPECT_EQ(mode_of(path("kernel")), 0644U);
  EXPECT_EQ(mode_of(path("agent")), 0755U);
  EXPECT_EQ(mode_of(path("busybox")), 0755U);
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(Extract, TakesARelativePath) {
  const auto was = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  const Status done = extract_busybox_to("busybox");
  std::filesystem::current_path(was);
  EXPECT_THAT(done, IsOk());
  EXPECT_EQ(content(path("busybox")), text(BUSYBOX_BYTES));
}

TEST_F(Extract, Overwrites) {
  write("agent", "of another time");
  EXPECT_THAT(extract_supermachine_agent_to(path("agent")), IsOk());
  EXPECT_EQ(content(path("agent")), text(SUPERMACHINE_AGENT_BYTES));
  EXPECT_EQ(mode_of(path("agent")), 0755U);
  EXPECT_THAT(extract_supermachine_agent_to(path("agent")), IsOk());
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(Extract, ReplacesALinkAndNotWhatItLeadsTo) {
  write("precious", "mine");
  std::filesystem::create_symlink(path("precious"), path("kernel"));
  EXPECT_THAT(extract_kernel_to(path("kernel")), IsOk());
  EXPECT_EQ(content(path("precious")), "mine");
  EXPECT_EQ(content(path("kernel")), text(KERNEL_BYTES));
}

TEST_F(Extract, WantsAParentUnlessItIsAskedToMakeIt) {
  const std::string deep = path("a/b/c");
  using Function = Status (*)(const std::string&);
  for (const Function extract : {Function(extract_kernel_to), Function(extract_busybox_to),
                                 Function(extract_supermachine_agent_to)}) {
    EXPECT_THAT(extract(deep + "/file"),
                FailsSaying(Errc::kNotFound, deep + ": no such directory"));
  }
  EXPECT_TRUE(names().empty());

  for (const Function extract :
       {Function(extract_kernel_to_with_parents), Function(extract_busybox_to_with_parents),
        Function(extract_supermachine_agent_to_with_parents)}) {
    EXPECT_THAT(extract(deep + "/file"), IsOk());
  }
  EXPECT_EQ(content(deep + "/file"), text(SUPERMACHINE_AGENT_BYTES));
}

TEST_F(Extract, RefusesWhatCannotBeAFile) {
  std::filesystem::create_directory(path("kernel"));
  EXPECT_THAT(extract_kernel_to(path("kernel")),
              FailsSaying(Errc::kInvalidArgument, path("kernel") + ": it is a directory"));
  EXPECT_THAT(extract_kernel_to(path("kernel/")), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(extract_kernel_to(""), Fails(Errc::kInvalidArgument));
  EXPECT_EQ(names(), std::vector<std::string>{"kernel"});
}

TEST_F(Extract, RefusesAParentThatIsAFile) {
  write("file", "mine");
  EXPECT_THAT(extract_kernel_to(path("file/kernel")),
              FailsSaying(Errc::kInvalidArgument, path("file") + ": not a directory"));
  const Status with_parents = extract_kernel_to_with_parents(path("file/kernel"));
  ASSERT_FALSE(with_parents.ok());
  EXPECT_NE(with_parents.error().message().find(path("file")), std::string::npos);
  EXPECT_EQ(content(path("file")), "mine");
}

TEST_F(Extract, LeavesTheOldFileAndNothingElseWhenItCannotFinish) {
  write("kernel", "the old one");
  rlimit was{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &was), 0);
  const rlimit small{.rlim_cur = 64'000, .rlim_max = was.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status overwritten = extract_kernel_to(path("kernel"));
  const Status created = extract_busybox_to(path("busybox"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &was), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_THAT(overwritten, FailsSaying(Errc::kOs, path("kernel") + ": write: File too large"));
  EXPECT_THAT(created, FailsSaying(Errc::kOs, path("busybox") + ": write: File too large"));
  EXPECT_EQ(content(path("kernel")), "the old one");
  EXPECT_EQ(names(), std::vector<std::string>{"kernel"});
}

// Root writes wherever it likes, so this is done as somebody else where we are root.
TEST_F(Extract, SaysThatADirectoryIsNotToBeWrittenIn) {
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0555));
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Status refused = extract_kernel_to(path("kernel"));
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));

  EXPECT_THAT(refused, FailsSaying(Errc::kOs, path("kernel")));
  EXPECT_THAT(refused, FailsSaying(Errc::kOs, "Permission denied"));
  EXPECT_TRUE(names().empty());
}

TEST_F(Extract, FromSeveralThreadsAtOnceIsWhole) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 5; ++j) EXPECT_THAT(extract_kernel_to(path("kernel")), IsOk());
      });
    }
  }
  EXPECT_EQ(content(path("kernel")), text(KERNEL_BYTES));
  EXPECT_EQ(names().size(), 1U);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_F(Extract, HasItsOldNames) {
  EXPECT_THAT(extract_to(path("kernel")), IsOk());
  EXPECT_EQ(content(path("kernel")), text(KERNEL_BYTES));
  EXPECT_THAT(extract_to(path("new/kernel")), Fails(Errc::kNotFound));
  EXPECT_THAT(extract_to_with_parents(path("new/kernel")), IsOk());
  EXPECT_EQ(content(path("new/kernel")), text(KERNEL_BYTES));
}
#pragma GCC diagnostic pop

}  // namespace
}  // namespace supermachine_kernel
