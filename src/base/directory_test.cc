// SPDX-License-Identifier: Apache-2.0
#include "base/directory.h"

#include <dirent.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "result_matchers.h"

namespace {
bool disk_is_broken = false;  // NOLINT: the function below has no other way to know
}  // namespace

// In place of libc's, for the whole program.
extern "C" dirent* readdir(DIR* directory) {
  if (disk_is_broken) {
    errno = EIO;
    return nullptr;
  }
  static auto* const real = reinterpret_cast<dirent* (*)(DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
  return real(directory);
}

namespace supermachine {
namespace {

using ::testing::UnorderedElementsAre;

TEST(ListDirectory, ListsAllThereIs) {
  const TempDir dir = TempDir::create().value();
  ASSERT_THAT(make_directories(dir.path() + "/one"), IsOk());
  ASSERT_THAT(make_directories(dir.path() + "/.two"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const auto listed, list_directory(dir.path()));
  EXPECT_THAT(listed, UnorderedElementsAre(dir.path() + "/one", dir.path() + "/.two"));
}

TEST(ListDirectory, FindsNothingWhereThereIsNoDirectory) {
  const TempDir dir = TempDir::create().value();
  SM_ASSERT_OK_AND_ASSIGN(const auto listed, list_directory(dir.path() + "/none"));
  EXPECT_TRUE(listed.empty());
  EXPECT_THAT(list_directory("/dev/null"), FailsSaying(Errc::kOs, "/dev/null"));
}

TEST(ListDirectory, FailsWhenTheDirectoryCannotBeRead) {
  const TempDir dir = TempDir::create().value();
  disk_is_broken = true;
  const auto listed = list_directory(dir.path());
  disk_is_broken = false;
  EXPECT_THAT(listed, FailsSaying(Errc::kOs, dir.path()));
  EXPECT_EQ(listed.error().os_errno(), EIO);
}

}  // namespace
}  // namespace supermachine
