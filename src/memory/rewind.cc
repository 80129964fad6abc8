// SPDX-License-Identifier: Apache-2.0
#include "memory/rewind.h"

#include <sys/mman.h>

#include <algorithm>

namespace supermachine {
namespace {

// Dropping a few clean pages along with dirty ones costs less than a call of its own for each run.
constexpr std::uint64_t kDropGap = 8;

}  // namespace

Result<std::shared_ptr<const ImagePages>> ImagePages::create(const MemoryImage& image) {
  std::shared_ptr<ImagePages> pages(new ImagePages);
  pages->runs_ = image.runs;
  for (const MemoryRun& run : image.runs) {
    pages->views_.push_back(
        SM_TRY(Mapping::create(run.length, PROT_READ, MAP_SHARED, image.files[run.file],
                               static_cast<off_t>(run.file_offset))));
  }
  return std::shared_ptr<const ImagePages>(std::move(pages));
}

std::span<const std::byte> ImagePages::page(std::uint64_t number) const {
  const std::uint64_t at = number * kPageSize;
  const auto after = std::ranges::upper_bound(runs_, at, {}, &MemoryRun::start);
  if (after == runs_.begin()) return {};
  const auto index = static_cast<std::size_t>(after - runs_.begin() - 1);
  const std::uint64_t offset = at - runs_[index].start;
  if (offset >= runs_[index].length) return {};
  return std::span<const std::byte>(views_[index].bytes()).subspan(offset, kPageSize);
}

Status rewind(const GuestMemory& memory, const ImagePages& image, PageSet& dirty,
              std::uint64_t max_kept) {
  std::uint64_t kept = 0;
  PageSet dropped;
  dirty.for_each([&](std::uint64_t number) {
    if (kept == max_kept) {
      if (dropped.words().empty()) dropped = PageSet(memory.pages());
      dropped.insert(number);
      return;
    }
    ++kept;
    const auto original = image.page(number);
    const auto page = memory.page(number);
    if (original.empty()) {
      std::ranges::fill(page, std::byte{0});
    } else {
      std::ranges::copy(original, page.begin());
    }
  });
  for (const PageRun run : dropped.runs(kDropGap)) SM_TRY(memory.drop(run));
  dropped.for_each([&](std::uint64_t number) { dirty.erase(number); });
  return {};
}

}  // namespace supermachine
