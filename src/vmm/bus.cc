// SPDX-License-Identifier: Apache-2.0
#include "vmm/bus.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "supermachine/result.h"

namespace supermachine {

void Bus::add(std::uint64_t start, std::uint64_t size, Handler handler) {
  const auto [at, inserted] = ranges_.emplace(start, Range{size, std::move(handler)});
  SM_CHECK(inserted);
  SM_CHECK(at == ranges_.begin() || std::prev(at)->first + std::prev(at)->second.size <= start);
  SM_CHECK(std::next(at) == ranges_.end() || start + size <= std::next(at)->first);
}

Bus::Hit Bus::find(std::uint64_t addr, std::size_t len) const {
  auto at = ranges_.upper_bound(addr);
  if (at == ranges_.begin()) return {nullptr, 0};
  --at;
  const std::uint64_t offset = addr - at->first;
  if (offset >= at->second.size || len > at->second.size - offset) return {nullptr, 0};
  return {&at->second.handler, offset};
}

void Bus::read(std::uint64_t addr, std::span<std::byte> out) const {
  const Hit hit = find(addr, out.size());
  if (hit.handler == nullptr) {
    std::ranges::fill(out, std::byte{0xff});
    return;
  }
  hit.handler->read(hit.offset, out);
}

void Bus::write(std::uint64_t addr, std::span<const std::byte> bytes) const {
  const Hit hit = find(addr, bytes.size());
  if (hit.handler != nullptr) hit.handler->write(hit.offset, bytes);
}

}  // namespace supermachine
