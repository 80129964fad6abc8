// SPDX-License-Identifier: Apache-2.0
#include "virtio/backend/file_backend.h"

#include <algorithm>

#include "base/regular_file.h"
#include "base/sys.h"

namespace supermachine::virtio {

Result<FileBackend> FileBackend::open_read_only(const std::string& path) {
  UniqueFd fd = SM_TRY(open_regular_file(path));
  const std::uint64_t size = SM_TRY(sys::file_size(fd.get()));
  return FileBackend(std::move(fd), size);
}

Status FileBackend::read_at(std::uint64_t offset, std::span<const std::span<std::byte>> out) {
  std::size_t segment = 0;  // first one not yet full
  std::size_t filled = 0;   // bytes of it that are
  while (segment < out.size()) {
    std::size_t got = 0;
    if (filled == 0) {
      got = SM_TRY(sys::preadv(fd_.get(), out.subspan(segment), offset));
    } else {
      got = SM_TRY(sys::pread(fd_.get(), out[segment].subspan(filled), offset));
    }
    if (got == 0) break;
    offset += got;
    while (segment < out.size() && got >= out[segment].size() - filled) {
      got -= out[segment].size() - filled;
      filled = 0;
      ++segment;
    }
    filled += got;
  }
  for (; segment < out.size(); ++segment) {
    std::ranges::fill(out[segment].subspan(filled), std::byte{0});
    filled = 0;
  }
  return {};
}

Status FileBackend::write_at(std::uint64_t /*offset*/,
                             std::span<const std::span<const std::byte>> /*bytes*/) {
  return Error(Errc::kUnsupported, "file is open for reading only");
}

}  // namespace supermachine::virtio
