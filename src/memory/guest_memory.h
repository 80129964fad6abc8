// SPDX-License-Identifier: Apache-2.0
// Guest physical memory as seen by the host. Everything in it is hostile and may change under us.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/handles.h"
#include "memory/memory_image.h"
#include "memory/page_set.h"

namespace supermachine {

// A guest physical address. Not a pointer, not an integer: the only way to bytes is GuestMemory.
enum class GuestAddr : std::uint64_t {};

[[nodiscard]] constexpr GuestAddr operator+(GuestAddr addr, std::uint64_t offset) noexcept {
  return GuestAddr{static_cast<std::uint64_t>(addr) + offset};  // may wrap; slice() rejects it
}

template <typename T>
concept WireType = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

// The hole that x86 keeps below 4 GiB for devices: memory beyond 3 GiB continues at 4 GiB.
inline constexpr std::uint64_t kMmioHoleStart = 3ULL << 30;
inline constexpr std::uint64_t kMmioHoleEnd = 4ULL << 30;

class GuestMemory {
 public:
  // A run of guest addresses that has host memory behind it.
  struct Region {
    GuestAddr start{};
    std::span<std::byte> bytes;
  };

  // `size_bytes` of zeroes, a multiple of the page size. Pages cost nothing until they are touched;
  // then they come large where the host can, which saves most of a booting guest's page faults.
  static Result<GuestMemory> create(std::uint64_t size_bytes);

  // The same in small pages, to be filled by map(): what a guest leaves untouched then costs
  // nothing.
  static Result<GuestMemory> reserve(std::uint64_t size_bytes);

  // Puts the files of `image` under the memory, privately: pages are read from them when touched,
  // and never written back. For memory that was reserved, of the image's size, and not touched yet;
  // the image is validated already. The files may be closed afterwards, but not shortened: a page
  // that is gone raises SIGBUS.
  Status map(const MemoryImage& image) const;

  // Touches a run of pages ahead of the guest: for writing they get a copy of their own. Advice
  // only.
  void populate(PageRun run, bool for_writing) const {
    mapping_.populate(run.first * kPageSize, run.count * kPageSize, for_writing);
  }
  // Where the guest has the run, in one piece, or in two around the hole.
  [[nodiscard]] std::vector<Region> regions_of(PageRun run) const;

  // Which pages this process has mapped or swapped out (proc(5), pagemap), apart from what it would
  // read from files.
  [[nodiscard]] Result<PageSet> touched() const;

  // Drops what was written to a run of pages: they read as the image, or as zeroes, again.
  Status drop(PageRun run) const {
    return mapping_.drop(run.first * kPageSize, run.count * kPageSize);
  }

  // The host bytes behind [addr, addr + len), or kGuestFault. The guest can rewrite them at any
  // time: copy out what you are going to validate, then use the copy.
  [[nodiscard]] Result<std::span<std::byte>> slice(GuestAddr addr, std::uint64_t len) const;

  template <WireType T>
  [[nodiscard]] Result<T> read(GuestAddr addr) const {
    const auto bytes = SM_TRY(slice(addr, sizeof(T)));
    T value{};
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  template <WireType T>
  [[nodiscard]] Status write(GuestAddr addr, const T& value) const {
    const auto bytes = SM_TRY(slice(addr, sizeof(T)));
    std::memcpy(bytes.data(), &value, sizeof(T));
    return {};
  }

  // For ring indices that both sides poll. `addr` must be 2-aligned.
  [[nodiscard]] Result<std::uint16_t> load_acquire16(GuestAddr addr) const;
  [[nodiscard]] Status store_release16(GuestAddr addr, std::uint16_t value) const;

  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return mapping_.bytes().size(); }
  [[nodiscard]] std::uint64_t pages() const noexcept { return size_bytes() / kPageSize; }

  // All of it as one piece, without the hole, as page numbers count.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return mapping_.bytes(); }
  [[nodiscard]] std::span<std::byte> page(std::uint64_t number) const {
    return bytes().subspan(number * kPageSize, kPageSize);
  }

  // From here on the pages that note_write() is told of are collected in host_writes().
  void track_host_writes() { host_writes_ = std::make_unique<PageSet>(pages()); }
  [[nodiscard]] PageSet* host_writes() const { return host_writes_.get(); }  // nullptr: untracked

  // `bytes`, which came from slice(), is written or about to be. Whoever writes to a running guest
  // says so, since KVM sees only what the guest itself writes.
  void note_write(std::span<const std::byte> bytes) const {
    if (host_writes_ && !bytes.empty()) insert_host_write(bytes);
  }

  // In order of address; one below the hole and, for large memories, one above it.
  [[nodiscard]] std::vector<Region> regions() const;

 private:
  explicit GuestMemory(Mapping mapping) noexcept : mapping_(std::move(mapping)) {}
  void insert_host_write(std::span<const std::byte> bytes) const;

  Mapping mapping_;
  std::unique_ptr<PageSet> host_writes_;
};

}  // namespace supermachine
