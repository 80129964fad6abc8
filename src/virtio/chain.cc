// SPDX-License-Identifier: Apache-2.0
#include "virtio/chain.h"

namespace supermachine::virtio {
namespace {

template <typename Byte, typename Copy>
std::size_t walk(std::span<const std::span<Byte>> segments, std::uint64_t offset, std::size_t len,
                 Copy copy) {
  std::size_t done = 0;
  for (const std::span<Byte> segment : segments) {
    if (done == len) break;
    if (offset >= segment.size()) {
      offset -= segment.size();
      continue;
    }
    const std::size_t take = std::min<std::size_t>(len - done, segment.size() - offset);
    copy(segment.subspan(offset, take), done);
    done += take;
    offset = 0;
  }
  return done;
}

}  // namespace

std::size_t copy_from(std::span<const std::span<const std::byte>> from, std::uint64_t offset,
                      std::span<std::byte> out) {
  return walk(from, offset, out.size(), [&](std::span<const std::byte> segment, std::size_t at) {
    std::memcpy(out.data() + at, segment.data(), segment.size());
  });
}

std::size_t copy_to(std::span<const std::span<std::byte>> to, std::uint64_t offset,
                    std::span<const std::byte> bytes) {
  return walk(to, offset, bytes.size(), [&](std::span<std::byte> segment, std::size_t at) {
    std::memcpy(segment.data(), bytes.data() + at, segment.size());
  });
}

}  // namespace supermachine::virtio
