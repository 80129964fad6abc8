// SPDX-License-Identifier: Apache-2.0
// Structs to bytes and back, field by field, little-endian. A struct's fields are listed once, in a
// template over the codec, so that the two directions cannot differ.
//
//   template <typename Codec>
//   void fields(Codec& codec, typename Codec::template Of<PageRun>& extent) {
//     codec(extent.first, extent.count);
//   }
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/endian.h"

namespace supermachine::snapshot {

class Encoder {
 public:
  template <typename T>
  using Of = const T;

  // Appends to `out`, which outlives us.
  explicit Encoder(std::vector<std::byte>& out) : out_(out) {}

  template <std::integral... Ts>
  void operator()(const Ts&... values) {
    (put(values), ...);
  }
  void bytes(std::span<const std::byte> bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  // A length, then that many bytes.
  void blob(const std::vector<std::byte>& blob, std::size_t /*max*/, std::string_view /*what*/) {
    (*this)(static_cast<std::uint32_t>(blob.size()));
    bytes(blob);
  }
  // A count, then that many elements.
  template <typename T, typename Each>
  void list(const std::vector<T>& elements, std::size_t /*max*/, std::string_view /*what*/,
            Each each) {
    (*this)(static_cast<std::uint32_t>(elements.size()));
    for (const T& element : elements) each(*this, element);
  }
  // A flag, then perhaps the value.
  template <typename T, typename Each>
  void optional(const std::optional<T>& value, Each each) {
    (*this)(value.has_value());
    if (value) each(*this, *value);
  }
  // What a decoder must see true; nothing to say for who writes.
  void check(bool /*holds*/, std::string_view /*otherwise*/) {}

 private:
  template <std::integral T>
  void put(T value) {
    if constexpr (std::same_as<T, bool>) {
      put<std::uint8_t>(value ? 1 : 0);
    } else {
      const std::size_t at = out_.size();
      out_.resize(at + sizeof(T));
      store_le(std::span(out_), at, static_cast<std::make_unsigned_t<T>>(value));
    }
  }

  std::vector<std::byte>& out_;
};

// The first failure sticks: from then on everything reads as zero, and finish() tells.
class Decoder {
 public:
  template <typename T>
  using Of = T;

  explicit Decoder(std::span<const std::byte> in) : in_(in) {}

  template <std::integral... Ts>
  void operator()(Ts&... values) {
    (get(values), ...);
  }
  void bytes(std::span<std::byte> out) {
    if (!has(out.size())) return;
    std::memcpy(out.data(), in_.data(), out.size());
    in_ = in_.subspan(out.size());
  }
  void blob(std::vector<std::byte>& blob, std::size_t max, std::string_view what) {
    const std::uint32_t size = count(max, what);
    if (!has(size)) return;
    blob.assign(in_.begin(), in_.begin() + size);
    in_ = in_.subspan(size);
  }
  // Elements come into being as their bytes are found, so that a count alone costs nothing.
  template <typename T, typename Each>
  void list(std::vector<T>& elements, std::size_t max, std::string_view what, Each each) {
    const std::uint32_t size = count(max, what);
    for (std::uint32_t i = 0; i < size && ok(); ++i) each(*this, elements.emplace_back());
  }
  template <typename T, typename Each>
  void optional(std::optional<T>& value, Each each) {
    bool present = false;
    get(present);
    if (present) each(*this, value.emplace());
  }
  void check(bool holds, std::string_view otherwise) {
    if (!holds) fail(std::string(otherwise));
  }

  [[nodiscard]] bool ok() const { return failure_.empty(); }
  // kCorrupt when something was wrong, or bytes are left.
  [[nodiscard]] Status finish() const {
    if (!ok()) return Error(Errc::kCorrupt, failure_);
    if (!in_.empty()) {
      return Error(Errc::kCorrupt, std::to_string(in_.size()) + " bytes too many");
    }
    return {};
  }

 private:
  template <std::integral T>
  void get(T& value) {
    if constexpr (std::same_as<T, bool>) {
      std::uint8_t byte = 0;
      get(byte);
      check(byte <= 1, "a flag is neither 0 nor 1");
      value = byte == 1;
    } else {
      value = 0;
      if (!has(sizeof(T))) return;
      value = static_cast<T>(load_le<std::make_unsigned_t<T>>(in_, 0));
      in_ = in_.subspan(sizeof(T));
    }
  }
  std::uint32_t count(std::size_t max, std::string_view what) {
    std::uint32_t count = 0;
    get(count);
    if (count <= max) return count;
    fail(std::to_string(count) + " " + std::string(what) + ", more than " + std::to_string(max));
    return 0;
  }
  [[nodiscard]] bool has(std::size_t size) {
    if (ok() && in_.size() < size) fail("ends early");
    return ok();
  }
  void fail(std::string why) {
    if (ok()) failure_ = std::move(why);
  }

  std::span<const std::byte> in_;
  std::string failure_;
};

}  // namespace supermachine::snapshot
