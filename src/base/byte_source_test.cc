// SPDX-License-Identifier: Apache-2.0
#include "base/byte_source.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

std::string rest_of(ByteSource& source) {
  std::array<char, 64> buffer{};
  const auto got = read_up_to(source, std::as_writable_bytes(std::span(buffer)));
  return got.ok() ? std::string(buffer.data(), got.value()) : got.error().message();
}

// Gives one byte at a time, and has no skip() of its own.
class SlowSource final : public ByteSource {
 public:
  explicit SlowSource(std::string_view text) : text_(text) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (text_.empty()) return std::size_t{0};
    out[0] = static_cast<std::byte>(text_.front());
    text_.remove_prefix(1);
    return std::size_t{1};
  }

 private:
  std::string_view text_;
};

TEST(ByteSource, SkipsByReadingWhereItCannotDoBetter) {
  SlowSource source("abcdef");

  ASSERT_THAT(source.skip(4), IsOk());

  EXPECT_EQ(rest_of(source), "ef");
  EXPECT_THAT(source.skip(1), Fails(Errc::kCorrupt));
}

TEST(MemorySource, GivesItsBytesOnce) {
  const std::string_view text = "abcdef";
  MemorySource source(std::as_bytes(std::span(text)));

  ASSERT_THAT(source.skip(2), IsOk());
  EXPECT_THAT(source.skip(5), Fails(Errc::kCorrupt));

  EXPECT_EQ(rest_of(source), "cdef");
  EXPECT_EQ(rest_of(source), "");
}

class FileSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string_view text = "0123456789";
    ASSERT_THAT(write_all(file_.fd(), std::as_bytes(std::span(text))), IsOk());
  }

  TempDir dir_ = TempDir::create().value();
  AtomicFile file_ = AtomicFile::create(dir_.path() + "/f").value();
};

TEST_F(FileSourceTest, StaysInItsRegion) {
  FileSource source(file_.fd(), 2, 5);

  ASSERT_THAT(source.skip(1), IsOk());
  EXPECT_THAT(source.skip(5), Fails(Errc::kCorrupt));

  EXPECT_EQ(rest_of(source), "3456");
}

TEST_F(FileSourceTest, FailsWhenTheFileIsShorterThanItWasSaid) {
  FileSource source(file_.fd(), 8, 5);

  EXPECT_EQ(rest_of(source), "data ends early");
}

}  // namespace
}  // namespace supermachine
