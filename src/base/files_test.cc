// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

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

TEST(WriteAllAt, WritesWhereItIsTold) {
  const TempDir dir = TempDir::create().value();
  AtomicFile file = AtomicFile::create(dir.path() + "/f").value();

  ASSERT_THAT(write_all_at(file.fd(), bytes_of("later"), 3), IsOk());
  ASSERT_THAT(write_all_at(file.fd(), bytes_of("now"), 0), IsOk());

  ASSERT_THAT(file.commit(), IsOk());
  EXPECT_EQ(read_file(dir.path() + "/f", 100).value(), "nowlater");
}

TEST(FileLock, IsHeldByOneAtATime) {
  const TempDir dir = TempDir::create().value();
  const std::string path = dir.path() + "/lock";
  {
    const auto first = FileLock::acquire(path, deadline_in({}));
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(FileLock::acquire(path, deadline_in(std::chrono::milliseconds(1))),
                Fails(Errc::kTimeout));
  }

  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(FileLock::acquire(path, deadline_in({})), IsOk());
}

// Each holder removes the file, so those that wait must notice that theirs is gone.
TEST(FileLock, KeepsManyApart) {
  const TempDir dir = TempDir::create().value();
  std::atomic<int> holders = 0;
  std::atomic<int> most = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 3; ++round) {
          const auto lock =
              FileLock::acquire(dir.path() + "/lock", deadline_in(std::chrono::seconds(20)));
          failed += lock.ok() ? 0 : 1;
          most = std::max(most.load(), ++holders);
          std::this_thread::yield();
          --holders;
        }
      });
    }
  }

  EXPECT_EQ(failed, 0);
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace supermachine
