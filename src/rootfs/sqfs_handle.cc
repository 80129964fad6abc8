// SPDX-License-Identifier: Apache-2.0
#include "rootfs/sqfs_handle.h"

#include <fmt/format.h>
#include <sqfs/error.h>

#include <algorithm>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::rootfs {
namespace {

std::string_view meaning(int code) {
  switch (code) {
    case SQFS_ERROR_ALLOC:
      return "out of memory";
    case SQFS_ERROR_IO:
      return "input or output failed";
    case SQFS_ERROR_COMPRESSOR:
      return "compression failed";
    case SQFS_ERROR_UNSUPPORTED:
      return "not supported by libsquashfs";
    case SQFS_ERROR_OVERFLOW:
      return "a number is too large for squashfs";
    case SQFS_ERROR_OUT_OF_BOUNDS:
      return "out of bounds";
    case SQFS_ERROR_ARG_INVALID:
      return "invalid argument";
    case SQFS_ERROR_SEQUENCE:
      return "calls out of order";
    default:
      return "libsquashfs failed";
  }
}

}  // namespace

// The library hands back the address of the table's first member.
SqfsFile::Table& SqfsFile::table_of(sqfs_file_t* file) { return *reinterpret_cast<Table*>(file); }

SqfsFile::SqfsFile(int fd) : table_{{}, fd, 0, std::nullopt} {
  table_.file.base.destroy = [](sqfs_object_t*) {};
  table_.file.base.copy = nullptr;
  table_.file.read_at = [](sqfs_file_t* file, sqfs_u64 offset, void* buffer, size_t size) {
    Table& table = table_of(file);
    Status done = read_exact_at(table.fd, {static_cast<std::byte*>(buffer), size}, offset);
    if (done.ok()) return 0;
    table.error = std::move(done).error();
    return static_cast<int>(SQFS_ERROR_IO);
  };
  table_.file.write_at = [](sqfs_file_t* file, sqfs_u64 offset, const void* data, size_t size) {
    Table& table = table_of(file);
    Status done = write_all_at(table.fd, {static_cast<const std::byte*>(data), size}, offset);
    if (done.ok()) {
      table.size = std::max<std::uint64_t>(table.size, offset + size);
      return 0;
    }
    table.error = std::move(done).error();
    return static_cast<int>(SQFS_ERROR_IO);
  };
  table_.file.get_size = [](const sqfs_file_t* file) -> sqfs_u64 {
    return reinterpret_cast<const Table*>(file)->size;  // as table_of(), for a const table
  };
  table_.file.truncate = [](sqfs_file_t* file, sqfs_u64 size) {
    Table& table = table_of(file);
    Status done = sys::truncate(table.fd, size);
    if (!done.ok()) {
      table.error = std::move(done).error();
      return static_cast<int>(SQFS_ERROR_IO);
    }
    table.size = size;
    return 0;
  };
}

Status SqfsFile::check(int code, std::string_view doing) const {
  if (code >= 0) return {};
  if (table_.error) return Error(*table_.error).with(fmt::format("squashfs: {}", doing));
  return Error(code == SQFS_ERROR_OVERFLOW ? Errc::kExhausted : Errc::kUnsupported,
               fmt::format("squashfs: {}: {}", doing, meaning(code)));
}

}  // namespace supermachine::rootfs
