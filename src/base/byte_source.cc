// SPDX-License-Identifier: Apache-2.0
#include "base/byte_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/sys.h"

namespace supermachine {
namespace {

Error ends_early() { return {Errc::kCorrupt, "data ends early"}; }

}  // namespace

Status ByteSource::skip(std::uint64_t count) {
  std::array<std::byte, 16384> buffer{};
  while (count > 0) {
    const std::size_t want = std::min<std::uint64_t>(count, buffer.size());
    const std::size_t got = SM_TRY(read(std::span(buffer).first(want)));
    if (got == 0) return ends_early();
    count -= got;
  }
  return {};
}

Result<std::size_t> read_up_to(ByteSource& source, std::span<std::byte> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const std::size_t got = SM_TRY(source.read(out.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

Result<std::size_t> FileSource::read(std::span<std::byte> out) {
  if (left_ == 0) return std::size_t{0};
  const std::size_t want = std::min<std::uint64_t>(out.size(), left_);
  const std::size_t got = SM_TRY(sys::pread(fd_, out.first(want), offset_));
  if (got == 0) return ends_early();
  offset_ += got;
  left_ -= got;
  return got;
}

Status FileSource::skip(std::uint64_t count) {
  if (count > left_) return ends_early();
  offset_ += count;
  left_ -= count;
  return {};
}

Result<std::size_t> MemorySource::read(std::span<std::byte> out) {
  const std::size_t count = std::min(out.size(), left_.size());
  std::ranges::copy(left_.first(count), out.begin());
  left_ = left_.subspan(count);
  return count;
}

Status MemorySource::skip(std::uint64_t count) {
  if (count > left_.size()) return ends_early();
  left_ = left_.subspan(count);
  return {};
}

}  // namespace supermachine
