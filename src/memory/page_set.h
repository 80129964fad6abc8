// SPDX-License-Identifier: Apache-2.0
// A set of pages of a guest's memory, one bit each.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/memory_image.h"

namespace supermachine {

// A run of pages: [first, first + count).
struct PageRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  bool operator==(const PageRun&) const = default;
};

// insert() may be called by several threads at once; everything else needs the set for itself.
class PageSet {
 public:
  static constexpr std::uint64_t kWordPages = 64;

  PageSet() = default;
  explicit PageSet(std::uint64_t pages) : words_((pages + kWordPages - 1) / kWordPages) {}

  // Pages beyond the set's size are ignored.
  void insert(std::uint64_t page) {
    if (page / kWordPages >= words_.size()) return;
    std::atomic_ref word(words_[page / kWordPages]);
    const std::uint64_t bit = std::uint64_t{1} << page % kWordPages;
    // Mostly it is there already, and a read is cheaper than a locked write.
    if ((word.load(std::memory_order_relaxed) & bit) == 0) {
      word.fetch_or(bit, std::memory_order_relaxed);
    }
  }
  void insert_run(PageRun run) {
    for (std::uint64_t page = run.first; page < run.first + run.count; ++page) insert(page);
  }
  void erase(std::uint64_t page) {
    words_[page / kWordPages] &= ~(std::uint64_t{1} << page % kWordPages);
  }
  void clear() { words_.assign(words_.size(), 0); }
  void merge(const PageSet& other) {
    for (std::size_t i = 0; i < words_.size() && i < other.words_.size(); ++i)
      words_[i] |= other.words_[i];
  }

  [[nodiscard]] bool contains(std::uint64_t page) const {
    return page / kWordPages < words_.size() &&
           (words_[page / kWordPages] >> page % kWordPages & 1) != 0;
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t word : words_) sum += static_cast<unsigned>(std::popcount(word));
    return sum;
  }

  // Calls `visit(page)` in rising order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(i * kWordPages + static_cast<unsigned>(std::countr_zero(word)));
      }
    }
  }

  // In rising order; runs with at most `gap` pages between them are joined.
  [[nodiscard]] std::vector<PageRun> runs(std::uint64_t gap = 0) const {
    std::vector<PageRun> out;
    for_each([&](std::uint64_t page) {
      if (!out.empty() && page - (out.back().first + out.back().count) <= gap) {
        out.back().count = page + 1 - out.back().first;
      } else {
        out.push_back({page, 1});
      }
    });
    return out;
  }

  // Bit n of word m is page 64 m + n, as KVM has it.
  [[nodiscard]] std::span<std::uint64_t> words() { return words_; }
  [[nodiscard]] std::span<const std::uint64_t> words() const { return words_; }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace supermachine
