#include "base/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "result_matchers.h"

namespace supermachine {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const TempDir dir = TempDir::create().value();
  const std::string path = dir.path() + "/f";
  AtomicFile file = AtomicFile::create(path).value();
  ASSERT_THAT(write_all(file.fd(), bytes_of("whole")), IsOk());
  EXPECT_FALSE(std::filesystem::exists(path));

  ASSERT_THAT(file.commit(), IsOk());

  EXPECT_EQ(read_file(path, 100).value(), "whole");
}

TEST(AtomicFile, LeavesNothingWhenAbandoned) {
  const TempDir dir = TempDir::create().value();
  { const AtomicFile file = AtomicFile::create(dir.path() + "/f").value(); }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  const TempDir dir = TempDir::create().value();
  AtomicFile file = AtomicFile::create(dir.path() + "/f").value();
  ASSERT_THAT(write_all(file.fd(), bytes_of("12345")), IsOk());
  ASSERT_THAT(file.commit(), IsOk());
  EXPECT_EQ(read_file(dir.path() + "/f", 5).value(), "12345");
  EXPECT_THAT(read_file(dir.path() + "/f", 4), Fails(Errc::kCorrupt));
}

TEST(TempDir, IsRemovedWithItsContents) {
  std::string path;
  {
    const TempDir dir = TempDir::create().value();
    path = dir.path();
    ASSERT_THAT(make_directories(path + "/a/b"), IsOk());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace supermachine
