// SPDX-License-Identifier: Apache-2.0
// One request of a driver as spans of guest memory, and safe ways to move bytes in and out of it.
// virtio 1.2, 2.7.4: how a driver splits a request over buffers carries no meaning, so devices
// address the readable and the writable part by offset.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace supermachine::virtio {

// One request from the driver. Holding a Chain is holding a debt: give it back with
// Queue::complete() or Queue::undo_pop(), exactly once. Move-only, so it cannot be completed twice
// by accident. The spans are the guest's own memory: it may rewrite them at any time, so copy out
// whatever is going to be validated.
struct Chain {
  Chain() = default;
  Chain(Chain&&) = default;
  Chain& operator=(Chain&&) = default;

  std::uint16_t head = 0;
  std::uint32_t readable_bytes = 0;
  std::uint32_t writable_bytes = 0;
  std::vector<std::span<const std::byte>> readable;  // driver -> device; no empty spans
  std::vector<std::span<std::byte>> writable;        // device -> driver; no empty spans
};

// Appends the spans that cover [offset, offset + len) of `from` to `out`, cut short where `from`
// ends.
template <typename Byte>
void append_range(std::span<const std::span<Byte>> from, std::uint64_t offset, std::uint64_t len,
                  std::vector<std::span<Byte>>& out) {
  for (const std::span<Byte> segment : from) {
    if (len == 0) return;
    if (offset >= segment.size()) {
      offset -= segment.size();
      continue;
    }
    const std::uint64_t take = std::min<std::uint64_t>(len, segment.size() - offset);
    out.push_back(segment.subspan(offset, take));
    len -= take;
    offset = 0;
  }
}

// Copies the bytes at `offset` of a chain's readable part; returns how many there were.
std::size_t copy_from(std::span<const std::span<const std::byte>> from, std::uint64_t offset,
                      std::span<std::byte> out);

// Copies `bytes` to `offset` of a chain's writable part; returns how many found room.
std::size_t copy_to(std::span<const std::span<std::byte>> to, std::uint64_t offset,
                    std::span<const std::byte> bytes);

}  // namespace supermachine::virtio
