// SPDX-License-Identifier: Apache-2.0
#include "base/file_or_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kText = "kernel";
const auto kBytes = std::as_bytes(std::span(kText));

TEST(FileOrBytes, MapsAFile) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  SM_ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::create(dir.path() + "/file"));
  ASSERT_THAT(write_all(file.fd(), kBytes), IsOk());
  ASSERT_THAT(file.commit(), IsOk());

  const FileOrBytes source = dir.path() + "/file";
  EXPECT_FALSE(source.is_none());
  SM_ASSERT_OK_AND_ASSIGN(auto first, source.open());
  const auto opened = std::move(first);  // what it holds stays where it is
  EXPECT_TRUE(std::ranges::equal(opened.bytes(), kBytes));
}

TEST(FileOrBytes, TakesBytesAsTheyAre) {
  const FileOrBytes source("the kernel inside", kBytes);
  EXPECT_EQ(source.name(), "the kernel inside");
  SM_ASSERT_OK_AND_ASSIGN(const auto opened, source.open());
  EXPECT_EQ(opened.bytes().data(), kBytes.data());
  EXPECT_EQ(opened.bytes().size(), kBytes.size());
}

TEST(FileOrBytes, NamesAFileThatCannotBeOpened) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  const auto missing = FileOrBytes(dir.path() + "/none").open();
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr(dir.path() + "/none"));
  const auto directory = FileOrBytes(dir.path()).open();
  ASSERT_FALSE(directory.ok());
  EXPECT_THAT(directory.error().message(), HasSubstr(dir.path()));
}

TEST(FileOrBytes, IsNeitherAtFirst) { EXPECT_TRUE(FileOrBytes().is_none()); }

}  // namespace
}  // namespace supermachine
