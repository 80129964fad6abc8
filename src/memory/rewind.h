// SPDX-License-Identifier: Apache-2.0
// Takes a guest's memory back to the image that it was mapped from, at a cost that follows the
// pages written since.
#pragma once

#include <memory>
#include <vector>

#include "memory/guest_memory.h"

namespace supermachine {

// The content of an image's pages, for reading. One for all guests of an image.
class ImagePages {
 public:
  static Result<std::shared_ptr<const ImagePages>> create(const MemoryImage& image);

  // Empty for a page of zeroes.
  [[nodiscard]] std::span<const std::byte> page(std::uint64_t number) const;

 private:
  ImagePages() = default;
  std::vector<MemoryRun> runs_;
  std::vector<Mapping> views_;  // one for each run
};

// Makes the pages of `dirty` what the image says. The first `max_kept` of them are copied: they
// stay mapped in host and guest, so that writing them again costs no page fault. The others are
// dropped, which gives their memory back, with their neighbours where that saves calls; those of
// `dirty` among them are erased from it. The guest must not run.
Status rewind(const GuestMemory& memory, const ImagePages& image, PageSet& dirty,
              std::uint64_t max_kept);

}  // namespace supermachine
