// SPDX-License-Identifier: Apache-2.0
// Owners for the objects of libsquashfs, and its error numbers as our errors. Only squashfs.cc and
// tests that read an image back include this.
#pragma once

#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/compressor.h>
#include <sqfs/dir_writer.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_writer.h>
#include <sqfs/predef.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>

#include <memory>
#include <optional>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::rootfs {

struct SqfsDestroy {
  void operator()(void* object) const { sqfs_destroy(object); }
};
template <typename T>
using SqfsOwner = std::unique_ptr<T, SqfsDestroy>;

struct SqfsFree {
  void operator()(void* memory) const { sqfs_free(memory); }
};
using SqfsInode = std::unique_ptr<sqfs_inode_generic_t, SqfsFree>;

// libsquashfs reads and writes through this table of functions. Ours works on a descriptor it
// doesn't own, and keeps the system's error, which the library's numbers have no room for.
class SqfsFile {
 public:
  explicit SqfsFile(int fd);  // borrowed; an empty file
  SqfsFile(const SqfsFile&) = delete;
  SqfsFile& operator=(const SqfsFile&) = delete;

  [[nodiscard]] sqfs_file_t* get() noexcept { return &table_.file; }
  [[nodiscard]] std::uint64_t size() const noexcept { return table_.size; }

  // For a library call that answered `code`: nothing if it went well.
  [[nodiscard]] Status check(int code, std::string_view doing) const;

 private:
  struct Table {
    sqfs_file_t file;  // first, so that the library's pointer is ours
    int fd;
    std::uint64_t size;
    std::optional<Error> error;
  };
  static Table& table_of(sqfs_file_t* file);

  Table table_;
};

}  // namespace supermachine::rootfs
