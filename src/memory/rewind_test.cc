// SPDX-License-Identifier: Apache-2.0
#include "memory/rewind.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

constexpr std::uint64_t kPages = 64;

// An image of 64 pages whose file has pages 8 to 15: page n is full of the byte n.
class Rewind : public ::testing::Test {
 protected:
  void SetUp() override {
    SM_ASSERT_OK_AND_ASSIGN(file_, anonymous_file("/tmp"));
    for (std::uint64_t page = 8; page < 16; ++page) {
      const std::vector<std::byte> bytes(kPageSize, std::byte(page));
      ASSERT_THAT(write_all_at(file_.get(), bytes, (page - 8) * kPageSize), IsOk());
    }
    image_ = {.size_bytes = kPages * kPageSize,
              .files = {file_.get()},
              .runs = {{.start = 8 * kPageSize, .length = 8 * kPageSize}}};
    SM_ASSERT_OK_AND_ASSIGN(memory_, GuestMemory::reserve(image_.size_bytes));
    ASSERT_THAT(memory_->map(image_), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(originals_, ImagePages::create(image_));
  }

  void scribble(std::uint64_t page) {
    std::ranges::fill(memory_->page(page), std::byte{0xee});
    dirty_.insert(page);
  }

  // Whether every byte of the memory is as the image says.
  [[nodiscard]] bool pristine() const {
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const std::byte expected{page >= 8 && page < 16 ? static_cast<std::uint8_t>(page)
                                                      : std::uint8_t{0}};
      if (!std::ranges::all_of(memory_->page(page), [&](std::byte b) { return b == expected; }))
        return false;
    }
    return true;
  }

  UniqueFd file_;
  MemoryImage image_;
  std::optional<GuestMemory> memory_;
  std::shared_ptr<const ImagePages> originals_;
  PageSet dirty_{kPages};
};

TEST_F(Rewind, MappedMemoryReadsAsItsImage) { EXPECT_TRUE(pristine()); }

TEST_F(Rewind, WritesNeverReachTheImage) {
  scribble(9);
  std::array<std::byte, 1> byte{};
  ASSERT_THAT(read_exact_at(file_.get(), byte, kPageSize), IsOk());
  EXPECT_EQ(byte[0], std::byte{9});
}

TEST_F(Rewind, CopiesBackWhatMayBeKept) {
  for (const std::uint64_t page : {0U, 8U, 15U, 16U, 63U}) scribble(page);
  EXPECT_FALSE(pristine());
  ASSERT_THAT(rewind(*memory_, *originals_, dirty_, 100), IsOk());
  EXPECT_TRUE(pristine());
  EXPECT_EQ(dirty_.count(), 5U) << "kept pages stay in the set: they may be written unseen";
}

TEST_F(Rewind, DropsWhatIsTooMuch) {
  for (std::uint64_t page = 0; page < kPages; ++page) scribble(page);
  ASSERT_THAT(rewind(*memory_, *originals_, dirty_, 3), IsOk());
  EXPECT_TRUE(pristine());
  EXPECT_EQ(dirty_.count(), 3U);
  scribble(12);
  ASSERT_THAT(rewind(*memory_, *originals_, dirty_, 0), IsOk());
  EXPECT_TRUE(pristine());
  EXPECT_EQ(dirty_.count(), 0U);
}

TEST(PageSet, JoinsRunsAcrossGaps) {
  PageSet pages(1000);
  for (const std::uint64_t page : {1U, 2U, 5U, 63U, 64U, 999U, 1024U}) pages.insert(page);
  EXPECT_EQ(pages.count(), 6U) << "what lies outside is ignored";
  EXPECT_EQ(pages.runs(), (std::vector<PageRun>{{1, 2}, {5, 1}, {63, 2}, {999, 1}}));
  EXPECT_EQ(pages.runs(2), (std::vector<PageRun>{{1, 5}, {63, 2}, {999, 1}}));
}

TEST(GuestMemoryWrites, ArePagesOfTheWholeWithoutTheHole) {
  GuestMemory memory = GuestMemory::reserve(std::uint64_t{4} << 30).value();
  memory.note_write(memory.slice(GuestAddr{0}, 8).value());
  EXPECT_EQ(memory.host_writes(), nullptr);
  memory.track_host_writes();
  memory.note_write(memory.slice(GuestAddr{0xfff}, 2).value());
  memory.note_write(memory.slice(GuestAddr{kMmioHoleEnd + 0x5000}, 1).value());
  memory.note_write(memory.slice(GuestAddr{0x9000}, 0).value());
  EXPECT_EQ(memory.host_writes()->runs(),
            (std::vector<PageRun>{{0, 2}, {kMmioHoleStart / kPageSize + 5, 1}}));
}

}  // namespace
}  // namespace supermachine
