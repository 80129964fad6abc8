// SPDX-License-Identifier: Apache-2.0
// Everything a squashfs image holds, read back with libsquashfs, for tests of what we write.
#pragma once

#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>
#include <sys/stat.h>

#include <map>
#include <string>

#include "rootfs/sqfs_handle.h"

namespace supermachine {

struct ListedFile {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mtime = 0;
  std::uint32_t inode = 0;
  std::uint32_t links = 0;
  std::uint32_t device = 0;
  std::string content;  // of a file; the target of a symlink
  std::map<std::string, std::string> xattrs;
};

class SquashfsListing {
 public:
  // The root is "". Fails with what libsquashfs could not read.
  static Result<std::map<std::string, ListedFile>> read(const std::string& path) {
    SquashfsListing listing;
    SM_TRY(check(listing.open(path), "open"));
    sqfs_tree_node_t* root = nullptr;
    SM_TRY(check(sqfs_dir_reader_get_full_hierarchy(listing.directories_.get(), listing.ids_.get(),
                                                    "/", 0, &root),
                 "directories"));
    const std::unique_ptr<sqfs_tree_node_t, decltype(&sqfs_dir_tree_destroy)> owner(
        root, &sqfs_dir_tree_destroy);
    SM_TRY(listing.visit(*root, ""));
    return std::move(listing.files_);
  }

 private:
  static Status check(int code, std::string_view what) {
    if (code >= 0) return {};
    return Error(Errc::kCorrupt, std::string(what) + ": libsquashfs " + std::to_string(code));
  }

  int open(const std::string& path) {
    file_.reset(sqfs_open_file(path.c_str(), SQFS_FILE_OPEN_READ_ONLY));
    if (!file_) return -2;
    if (const int rc = sqfs_super_read(&super_, file_.get()); rc < 0) return rc;
    sqfs_compressor_config_t config{};
    sqfs_compressor_config_init(&config, SQFS_COMP_ZSTD, super_.block_size,
                                SQFS_COMP_FLAG_UNCOMPRESS);
    sqfs_compressor_t* compressor = nullptr;
    if (const int rc = sqfs_compressor_create(&config, &compressor); rc < 0) return rc;
    compressor_.reset(compressor);
    ids_.reset(sqfs_id_table_create(0));
    if (const int rc = sqfs_id_table_read(ids_.get(), file_.get(), &super_, compressor); rc < 0) {
      return rc;
    }
    directories_.reset(sqfs_dir_reader_create(&super_, compressor, file_.get(), 0));
    data_.reset(sqfs_data_reader_create(file_.get(), super_.block_size, compressor, 0));
    if (const int rc = sqfs_data_reader_load_fragment_table(data_.get(), &super_); rc < 0) {
      return rc;
    }
    xattrs_.reset(sqfs_xattr_reader_create(0));
    return sqfs_xattr_reader_load(xattrs_.get(), &super_, file_.get(), compressor);
  }

  Status visit(const sqfs_tree_node_t& node, const std::string& path) {
    const sqfs_inode_generic_t& inode = *node.inode;
    ListedFile& file = files_[path];
    file.mode = inode.base.mode;
    file.uid = node.uid;
    file.gid = node.gid;
    file.mtime = inode.base.mod_time;
    file.inode = inode.base.inode_number;
    read_links_and_device(inode, file);
    SM_TRY(read_xattrs(inode, file));
    if (S_ISREG(file.mode)) {
      sqfs_u64 size = 0;
      sqfs_inode_get_file_size(&inode, &size);
      file.content.resize(size);
      SM_TRY(check(sqfs_data_reader_read(data_.get(), &inode, 0, file.content.data(),
                                         static_cast<sqfs_u32>(size)),
                   path));
    } else if (S_ISLNK(file.mode)) {
      file.content.assign(reinterpret_cast<const char*>(inode.extra), inode.data.slink.target_size);
    }
    for (const sqfs_tree_node_t* child = node.children; child != nullptr; child = child->next) {
      const std::string name = reinterpret_cast<const char*>(child->name);
      SM_TRY(visit(*child, path.empty() ? name : path + "/" + name));
    }
    return {};
  }

  static void read_links_and_device(const sqfs_inode_generic_t& inode, ListedFile& file) {
    switch (inode.base.type) {
      case SQFS_INODE_DIR:
        file.links = inode.data.dir.nlink;
        break;
      case SQFS_INODE_FILE:
        file.links = 1;
        break;
      case SQFS_INODE_EXT_FILE:
        file.links = inode.data.file_ext.nlink;
        break;
      case SQFS_INODE_BDEV:
      case SQFS_INODE_CDEV:
      case SQFS_INODE_EXT_BDEV:
      case SQFS_INODE_EXT_CDEV:
        file.links = inode.data.dev.nlink;
        file.device = inode.data.dev.devno;
        break;
      default:  // all others begin with the number of links
        file.links = inode.data.ipc.nlink;
    }
  }

  Status read_xattrs(const sqfs_inode_generic_t& inode, ListedFile& file) {
    sqfs_u32 index = 0xffffffff;
    SM_TRY(check(sqfs_inode_get_xattr_index(&inode, &index), "xattr index"));
    if (index == 0xffffffff) return {};
    sqfs_xattr_id_t id{};
    SM_TRY(check(sqfs_xattr_reader_get_desc(xattrs_.get(), index, &id), "xattr"));
    SM_TRY(check(sqfs_xattr_reader_seek_kv(xattrs_.get(), &id), "xattr"));
    for (sqfs_u32 i = 0; i < id.count; ++i) {
      sqfs_xattr_entry_t* key = nullptr;
      sqfs_xattr_value_t* value = nullptr;
      SM_TRY(check(sqfs_xattr_reader_read_key(xattrs_.get(), &key), "xattr key"));
      const std::unique_ptr<sqfs_xattr_entry_t, rootfs::SqfsFree> key_owner(key);
      SM_TRY(check(sqfs_xattr_reader_read_value(xattrs_.get(), key, &value), "xattr value"));
      const std::unique_ptr<sqfs_xattr_value_t, rootfs::SqfsFree> value_owner(value);
      file.xattrs.emplace(reinterpret_cast<const char*>(key->key),
                          std::string(reinterpret_cast<const char*>(value->value), value->size));
    }
    return {};
  }

  rootfs::SqfsOwner<sqfs_file_t> file_;
  sqfs_super_t super_{};
  rootfs::SqfsOwner<sqfs_compressor_t> compressor_;
  rootfs::SqfsOwner<sqfs_id_table_t> ids_;
  rootfs::SqfsOwner<sqfs_dir_reader_t> directories_;
  rootfs::SqfsOwner<sqfs_data_reader_t> data_;
  rootfs::SqfsOwner<sqfs_xattr_reader_t> xattrs_;
  std::map<std::string, ListedFile> files_;
};

}  // namespace supermachine
