// SPDX-License-Identifier: Apache-2.0
#include "base/clean_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSize = 16 * kPage;

// How many pages of the mapping are in memory for us (proc(5), /proc/self/pagemap, bit 63).
std::size_t present(std::span<const std::byte> bytes) {
  const UniqueFd map = sys::open("/proc/self/pagemap", O_RDONLY).value();
  std::size_t count = 0;
  for (std::size_t i = 0; i < bytes.size() / kPage; ++i) {
    std::uint64_t entry = 0;
    const auto page = std::bit_cast<std::uintptr_t>(bytes.data()) / kPage + i;
    EXPECT_THAT(read_exact_at(map.get(), std::as_writable_bytes(std::span(&entry, 1)), page * 8),
                IsOk());
    count += entry >> 63;
  }
  return count;
}

bool all_are(std::span<const std::byte> bytes, char c) {
  return std::ranges::all_of(bytes, [c](std::byte b) { return b == static_cast<std::byte>(c); });
}

class CleanPages : public ::testing::Test {
 protected:
  void SetUp() override {
    SM_ASSERT_OK_AND_ASSIGN(file_, anonymous_file("/tmp"));
    const std::string text(kSize, 'f');
    ASSERT_THAT(write_all_at(file_.get(), std::as_bytes(std::span(text)), 0), IsOk());
  }
  [[nodiscard]] Mapping map(int protection, int flags, bool of_file) const {
    return Mapping::create(kSize, protection, flags, of_file ? file_.get() : -1, 0).value();
  }

  UniqueFd file_;
};

TEST_F(CleanPages, OfAFileAreGivenBackAndReadAgain) {
  const Mapping mapping = map(PROT_READ, MAP_PRIVATE, true);
  ASSERT_TRUE(all_are(mapping.bytes(), 'f'));
  ASSERT_EQ(present(mapping.bytes()), kSize / kPage);
  drop_clean_pages(mapping.bytes());
  EXPECT_EQ(present(mapping.bytes()), 0U);
  EXPECT_TRUE(all_are(mapping.bytes(), 'f'));
}

TEST_F(CleanPages, AreOnlyWholeOnesOfTheBytes) {
  const Mapping mapping = map(PROT_READ, MAP_PRIVATE, true);
  ASSERT_TRUE(all_are(mapping.bytes(), 'f'));
  drop_clean_pages(mapping.bytes().subspan(1, kSize - 2));
  EXPECT_EQ(present(mapping.bytes()), 2U);
  drop_clean_pages(mapping.bytes().first(kPage - 1));
  drop_clean_pages({});
  EXPECT_EQ(present(mapping.bytes()), 2U);
}

TEST_F(CleanPages, AreNeverWhatOnlyMemoryHolds) {
  const Mapping anonymous = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, false);
  const Mapping written = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, true);
  const Mapping shared = map(PROT_READ | PROT_WRITE, MAP_SHARED, true);
  for (const Mapping* mapping : {&anonymous, &written, &shared}) {
    std::ranges::fill(mapping->bytes(), std::byte{'m'});
    drop_clean_pages(mapping->bytes());
    EXPECT_TRUE(all_are(mapping->bytes(), 'm'));
  }
  ASSERT_EQ(::mprotect(anonymous.bytes().data(), kSize, PROT_READ), 0);
  drop_clean_pages(anonymous.bytes());
  EXPECT_TRUE(all_are(anonymous.bytes(), 'm'));
}

}  // namespace
}  // namespace supermachine
