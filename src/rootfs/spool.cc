// SPDX-License-Identifier: Apache-2.0
#include "rootfs/spool.h"

#include "base/files.h"

namespace supermachine::rootfs {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 20;

}  // namespace

Result<Spool> Spool::create(const std::string& directory) {
  return Spool(SM_TRY(anonymous_file(directory)), directory);
}

Status Spool::append(std::span<const std::byte> bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  return pending_.size() < kFlushBytes ? Status() : flush();
}

Status Spool::flush() {
  Status written = write_all(file_.get(), pending_);
  // Almost always a full disk, so the user wants to know which.
  if (!written.ok()) return std::move(written).error().with("temporary file in " + directory_);
  flushed_ += pending_.size();
  pending_.clear();
  return {};
}

Status Spool::read(const Range& range, std::uint64_t offset, std::span<std::byte> out) const {
  SM_CHECK(offset <= range.size && out.size() <= range.size - offset);
  return read_exact_at(file_.get(), out, range.offset + offset);
}

}  // namespace supermachine::rootfs
