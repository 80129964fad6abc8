// Guest physical memory as seen by the host. Everything in it is hostile and may change under us.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/handles.h"

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

  // In order of address; one below the hole and, for large memories, one above it.
  [[nodiscard]] std::vector<Region> regions() const;

 private:
  explicit GuestMemory(Mapping mapping) noexcept : mapping_(std::move(mapping)) {}
  Mapping mapping_;
};

}  // namespace supermachine
