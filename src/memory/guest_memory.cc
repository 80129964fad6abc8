// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/sys.h"

namespace supermachine {
namespace {

Error outside() { return Error(Errc::kGuestFault, "access outside guest memory"); }

Result<std::atomic_ref<std::uint16_t>> ring_index(std::span<std::byte> bytes) {
  // Host mappings are page-aligned, so host and guest addresses are aligned alike.
  auto* word = reinterpret_cast<std::uint16_t*>(bytes.data());
  if (reinterpret_cast<std::uintptr_t>(word) % alignof(std::uint16_t) != 0) {
    return Error(Errc::kGuestFault, "misaligned ring index");
  }
  return std::atomic_ref(*word);
}

}  // namespace

Result<GuestMemory> GuestMemory::create(std::uint64_t size_bytes) {
  return GuestMemory(SM_TRY(Mapping::huge(size_bytes)));
}

Result<GuestMemory> GuestMemory::reserve(std::uint64_t size_bytes) {
  return GuestMemory(SM_TRY(Mapping::create(size_bytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)));
}

Status GuestMemory::map(const MemoryImage& image) const {
  SM_CHECK(image.size_bytes == size_bytes());
  for (const MemoryRun& run : image.runs) {
    SM_TRY(mapping_.replace(run.start, run.length, image.files[run.file], run.file_offset));
  }
  return {};
}

void GuestMemory::insert_host_write(std::span<const std::byte> bytes) const {
  const auto offset = static_cast<std::uint64_t>(bytes.data() - mapping_.bytes().data());
  const std::uint64_t last = (offset + bytes.size() - 1) / kPageSize;
  for (std::uint64_t page = offset / kPageSize; page <= last; ++page) host_writes_->insert(page);
}

Result<PageSet> GuestMemory::touched() const {
  constexpr std::uint64_t kPresentOrSwapped = 3ULL << 62;
  const UniqueFd pagemap = SM_TRY(sys::open("/proc/self/pagemap", O_RDONLY));
  // The index of our first page in the file, which has an entry for each page of the process.
  const std::uint64_t first = reinterpret_cast<std::uintptr_t>(bytes().data()) / kPageSize;
  PageSet touched(pages());
  std::vector<std::uint64_t> entries(1 << 16);
  for (std::uint64_t page = 0; page < pages();) {
    const auto want =
        std::span(entries).first(std::min<std::uint64_t>(entries.size(), pages() - page));
    const std::size_t got = SM_TRY(sys::pread(pagemap.get(), std::as_writable_bytes(want),
                                              (first + page) * sizeof(std::uint64_t)));
    if (got < sizeof(std::uint64_t)) return Error(Errc::kOs, "/proc/self/pagemap ends early");
    for (std::size_t i = 0; i < got / sizeof(std::uint64_t); ++i, ++page) {
      if ((entries[i] & kPresentOrSwapped) != 0) touched.insert(page);
    }
  }
  return touched;
}

std::vector<GuestMemory::Region> GuestMemory::regions_of(PageRun run) const {
  const std::uint64_t start = run.first * kPageSize;
  const std::uint64_t end = start + run.count * kPageSize;
  const auto piece = [this](std::uint64_t from, std::uint64_t to) {
    const std::uint64_t hole = from < kMmioHoleStart ? 0 : kMmioHoleEnd - kMmioHoleStart;
    return Region{GuestAddr{from + hole}, bytes().subspan(from, to - from)};
  };
  if (start >= kMmioHoleStart || end <= kMmioHoleStart) return {piece(start, end)};
  return {piece(start, kMmioHoleStart), piece(kMmioHoleStart, end)};
}

// Comparisons are written so that no sum of guest-chosen numbers can overflow.
Result<std::span<std::byte>> GuestMemory::slice(GuestAddr addr, std::uint64_t len) const {
  const auto start = static_cast<std::uint64_t>(addr);
  const std::uint64_t low_size = std::min(size_bytes(), kMmioHoleStart);
  if (start <= low_size && len <= low_size - start) return mapping_.bytes().subspan(start, len);
  if (start < kMmioHoleEnd) return outside();
  const std::uint64_t high_size = size_bytes() - low_size;
  const std::uint64_t offset = start - kMmioHoleEnd;
  if (offset > high_size || len > high_size - offset) return outside();
  return mapping_.bytes().subspan(low_size + offset, len);
}

Result<std::uint16_t> GuestMemory::load_acquire16(GuestAddr addr) const {
  return SM_TRY(ring_index(SM_TRY(slice(addr, sizeof(std::uint16_t)))))
      .load(std::memory_order_acquire);
}

Status GuestMemory::store_release16(GuestAddr addr, std::uint16_t value) const {
  SM_TRY(ring_index(SM_TRY(slice(addr, sizeof(std::uint16_t)))))
      .store(value, std::memory_order_release);
  return {};
}

std::vector<GuestMemory::Region> GuestMemory::regions() const {
  const std::uint64_t low_size = std::min(size_bytes(), kMmioHoleStart);
  std::vector<Region> out{{GuestAddr{0}, mapping_.bytes().first(low_size)}};
  if (size_bytes() > low_size)
    out.push_back({GuestAddr{kMmioHoleEnd}, mapping_.bytes().subspan(low_size)});
  return out;
}

}  // namespace supermachine
