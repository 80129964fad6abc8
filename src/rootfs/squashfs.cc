// SPDX-License-Identifier: Apache-2.0
#include "rootfs/squashfs.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "rootfs/sqfs_handle.h"

namespace supermachine::rootfs {
namespace {

constexpr std::uint32_t kBlockBytes = 128 * 1024;
constexpr std::uint32_t kWorkers = 2;
constexpr std::uint32_t kBacklog = 8 * kWorkers;  // blocks in flight
constexpr std::uint32_t kZstdLevel = 5;           // the library's 15 is ten times slower
constexpr std::uint32_t kNoXattrs = 0xffffffff;

// As the kernel's new_encode_dev.
std::uint32_t device_number(const Attributes& attributes) {
  const std::uint32_t minor = attributes.device_minor;
  return (minor & 0xffU) | attributes.device_major << 8U | (minor & ~0xffU) << 12U;
}

Result<SqfsOwner<sqfs_compressor_t>> make_compressor(const SqfsFile& file, sqfs_u16 flags) {
  sqfs_compressor_config_t config{};
  SM_TRY(file.check(sqfs_compressor_config_init(&config, SQFS_COMP_ZSTD, kBlockBytes, flags),
                    "configure zstd"));
  config.level = kZstdLevel;
  sqfs_compressor_t* made = nullptr;
  SM_TRY(file.check(sqfs_compressor_create(&config, &made), "start zstd"));
  return SqfsOwner<sqfs_compressor_t>(made);
}

// One use: write() and gone. Members in order of dependence, so that the block processor, whose
// threads use the rest, goes first.
class Writer {
 public:
  Writer(const LayerTree& tree, const Spool& spool, int fd,
         const std::function<void(std::uint64_t)>& wrote)
      : tree_(tree),
        spool_(spool),
        wrote_(wrote),
        file_(fd),
        inodes_(tree.node_count()),
        refs_(tree.node_count()) {}

  Status write() {
    SM_TRY(prepare());
    SM_TRY(number_nodes());
    SM_TRY(write_contents());
    SM_TRY(write_inodes());
    return write_tables();
  }

 private:
  struct Reference {
    std::uint32_t number = 0;  // inode number, from 1; 0 for nodes nothing names
    std::uint32_t links = 0;
    std::uint64_t location = 0;  // in the inode table
  };

  Status prepare();
  Status number_nodes();
  Status write_contents();
  Status write_content(NodeId id);
  Status write_inodes();
  Status write_inode(NodeId id);
  Result<SqfsInode> make_inode(NodeId id);
  Result<SqfsInode> make_directory(NodeId id);
  Result<std::uint32_t> xattr_index(const Attributes& attributes);
  Status write_tables();

  template <typename T>
  Result<SqfsOwner<T>> own(T* made, std::string_view what) {
    if (made == nullptr) return Error(Errc::kExhausted, "squashfs: " + std::string(what));
    return SqfsOwner<T>(made);
  }

  const LayerTree& tree_;
  const Spool& spool_;
  const std::function<void(std::uint64_t)>& wrote_;
  SqfsFile file_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBlockBytes);
  sqfs_super_t super_{};
  SqfsOwner<sqfs_compressor_t> compressor_;
  SqfsOwner<sqfs_compressor_t> decompressor_;
  SqfsOwner<sqfs_id_table_t> ids_;
  SqfsOwner<sqfs_xattr_writer_t> xattrs_;
  SqfsOwner<sqfs_meta_writer_t> inode_table_;
  SqfsOwner<sqfs_meta_writer_t> directory_table_;
  SqfsOwner<sqfs_dir_writer_t> directories_;
  SqfsOwner<sqfs_frag_table_t> fragments_;
  SqfsOwner<sqfs_block_writer_t> blocks_;
  // The block processor fills these in while it works, by the addresses it was given.
  std::vector<sqfs_inode_generic_t*> inodes_;
  struct InodesOwner {
    std::vector<sqfs_inode_generic_t*>& inodes;
    ~InodesOwner() {
      for (auto* inode : inodes) sqfs_free(inode);
    }
  } inodes_owner_{inodes_};
  std::vector<Reference> refs_;
  std::vector<NodeId> order_;  // children before their directory, the root last
  SqfsOwner<sqfs_block_processor_t> processor_;
};

Status Writer::prepare() {
  SM_TRY(file_.check(sqfs_super_init(&super_, kBlockBytes, 0, SQFS_COMP_ZSTD), "super block"));
  SM_TRY(file_.check(sqfs_super_write(&super_, file_.get()), "super block"));
  compressor_ = SM_TRY(make_compressor(file_, 0));
  decompressor_ = SM_TRY(make_compressor(file_, SQFS_COMP_FLAG_UNCOMPRESS));
  const int options = compressor_->write_options(compressor_.get(), file_.get());
  SM_TRY(file_.check(options, "compressor options"));
  if (options > 0)
    super_.flags = static_cast<sqfs_u16>(super_.flags | SQFS_FLAG_COMPRESSOR_OPTIONS);

  ids_ = SM_TRY(own(sqfs_id_table_create(0), "id table"));
  xattrs_ = SM_TRY(own(sqfs_xattr_writer_create(0), "extended attributes"));
  inode_table_ =
      SM_TRY(own(sqfs_meta_writer_create(file_.get(), compressor_.get(), 0), "inode table"));
  directory_table_ = SM_TRY(
      own(sqfs_meta_writer_create(file_.get(), compressor_.get(), SQFS_META_WRITER_KEEP_IN_MEMORY),
          "directory table"));
  directories_ = SM_TRY(own(sqfs_dir_writer_create(directory_table_.get(), 0), "directory table"));
  fragments_ = SM_TRY(own(sqfs_frag_table_create(0), "fragment table"));
  blocks_ = SM_TRY(own(sqfs_block_writer_create(file_.get(), SQFS_DEVBLK_SIZE, 0), "block writer"));

  sqfs_block_processor_desc_t description{};
  description.size = sizeof(description);
  description.max_block_size = kBlockBytes;
  description.num_workers = kWorkers;
  description.max_backlog = kBacklog;
  description.cmp = compressor_.get();
  description.wr = blocks_.get();
  description.tbl = fragments_.get();
  description.file = file_.get();
  description.uncmp = decompressor_.get();
  sqfs_block_processor_t* made = nullptr;
  SM_TRY(file_.check(sqfs_block_processor_create_ex(&description, &made), "block processor"));
  processor_.reset(made);
  return {};
}

// Depth first, without recursion: depth is the image's choice, not ours.
Status Writer::number_nodes() {
  std::vector<std::pair<NodeId, bool>> stack{{LayerTree::kRoot, false}};
  while (!stack.empty()) {
    const auto [id, finished] = stack.back();
    stack.pop_back();
    const Node& node = tree_.node(id);
    if (finished) {
      order_.push_back(id);
      continue;
    }
    Reference& ref = refs_[id];
    if (S_ISDIR(node.attributes.mode)) {
      ref.links = 2;  // its own "." and the name above
    } else if (++ref.links > 1) {
      continue;  // another name of a node that is in the order already
    }
    stack.emplace_back(id, true);
    for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
      stack.emplace_back(child->second.node, false);
    }
  }
  std::uint32_t number = 0;
  for (const NodeId id : order_) {
    refs_[id].number = ++number;
    const Node& node = tree_.node(id);
    if (S_ISDIR(node.attributes.mode) && id != LayerTree::kRoot) ++refs_[node.parent].links;
  }
  return {};
}

Status Writer::write_contents() {
  for (const NodeId id : order_) {
    if (S_ISREG(tree_.node(id).attributes.mode)) SM_TRY(write_content(id));
  }
  // Only now are the inodes of files complete.
  return file_.check(sqfs_block_processor_finish(processor_.get()), "file contents");
}

Status Writer::write_content(NodeId id) {
  const Spool::Range content = tree_.node(id).attributes.content;
  SM_TRY(file_.check(sqfs_block_processor_begin_file(processor_.get(), &inodes_[id], nullptr, 0),
                     "begin a file"));
  for (std::uint64_t offset = 0; offset < content.size;) {
    const std::size_t count = std::min<std::uint64_t>(buffer_.size(), content.size - offset);
    const auto piece = std::span(buffer_).first(count);
    SM_TRY(spool_.read(content, offset, piece));
    if (wrote_) wrote_(piece.size());
    SM_TRY(file_.check(sqfs_block_processor_append(processor_.get(), piece.data(), piece.size()),
                       "file contents"));
    offset += count;
  }
  return file_.check(sqfs_block_processor_end_file(processor_.get()), "end a file");
}

Status Writer::write_inodes() {
  super_.inode_table_start = file_.size();
  for (const NodeId id : order_) SM_TRY(write_inode(id));
  SM_TRY(file_.check(sqfs_meta_writer_flush(inode_table_.get()), "inode table"));
  SM_TRY(file_.check(sqfs_meta_writer_flush(directory_table_.get()), "directory table"));
  super_.root_inode_ref = refs_[LayerTree::kRoot].location;
  super_.inode_count = static_cast<sqfs_u32>(order_.size());
  super_.directory_table_start = file_.size();
  return file_.check(sqfs_meta_write_write_to_file(directory_table_.get()), "directory table");
}

Result<std::uint32_t> Writer::xattr_index(const Attributes& attributes) {
  if (attributes.xattrs.empty()) return kNoXattrs;
  SM_TRY(file_.check(sqfs_xattr_writer_begin(xattrs_.get(), 0), "extended attributes"));
  for (const auto& [name, value] : attributes.xattrs) {
    SM_TRY(file_.check(
        sqfs_xattr_writer_add(xattrs_.get(), name.c_str(), value.data(), value.size()), name));
  }
  std::uint32_t index = kNoXattrs;
  SM_TRY(file_.check(sqfs_xattr_writer_end(xattrs_.get(), &index), "extended attributes"));
  return index;
}

Result<SqfsInode> Writer::make_directory(NodeId id) {
  const Node& node = tree_.node(id);
  SM_TRY(file_.check(sqfs_dir_writer_begin(directories_.get(), 0), "directory"));
  for (const auto& [name, child] : node.children) {
    const Reference& ref = refs_[child.node];
    SM_TRY(file_.check(
        sqfs_dir_writer_add_entry(directories_.get(), name.c_str(), ref.number, ref.location,
                                  static_cast<sqfs_u16>(tree_.node(child.node).attributes.mode)),
        name));
  }
  SM_TRY(file_.check(sqfs_dir_writer_end(directories_.get()), "directory"));
  // The root's parent is a number no inode has, as other writers have it.
  const std::uint32_t parent = id == LayerTree::kRoot
                                   ? static_cast<std::uint32_t>(order_.size()) + 1
                                   : refs_[node.parent].number;
  SqfsInode inode(
      sqfs_dir_writer_create_inode(directories_.get(), refs_[id].links, kNoXattrs, parent));
  if (!inode) return Error(Errc::kExhausted, "squashfs: out of memory");
  // The library counts every name in the directory; stat(2) has one for each directory below.
  const bool is_extended = inode->base.type == SQFS_INODE_EXT_DIR;
  (is_extended ? inode->data.dir_ext.nlink : inode->data.dir.nlink) = refs_[id].links;
  return inode;
}

Result<SqfsInode> Writer::make_inode(NodeId id) {
  const Attributes& attributes = tree_.node(id).attributes;
  const std::uint32_t links = refs_[id].links;
  if (S_ISDIR(attributes.mode)) return make_directory(id);
  if (S_ISREG(attributes.mode)) {
    SqfsInode inode(std::exchange(inodes_[id], nullptr));
    if (links > 1) {
      SM_TRY(file_.check(sqfs_inode_make_extended(inode.get()), "inode"));
      inode->data.file_ext.nlink = links;
    }
    return inode;
  }
  // The library wants these from the C allocator: it frees them as its own.
  const std::string& target = attributes.link_target;
  SqfsInode inode(static_cast<sqfs_inode_generic_t*>(
      std::calloc(1, sizeof(sqfs_inode_generic_t) + target.size() + 1)));
  if (!inode) return Error(Errc::kExhausted, "squashfs: out of memory");
  if (S_ISLNK(attributes.mode)) {
    inode->base.type = SQFS_INODE_SLINK;
    inode->data.slink.nlink = links;
    inode->data.slink.target_size = static_cast<sqfs_u32>(target.size());
    std::ranges::copy(target, reinterpret_cast<char*>(inode->extra));  // a C flexible array
  } else if (S_ISFIFO(attributes.mode)) {
    inode->base.type = SQFS_INODE_FIFO;
    inode->data.ipc.nlink = links;
  } else {
    inode->base.type = S_ISCHR(attributes.mode) ? SQFS_INODE_CDEV : SQFS_INODE_BDEV;
    inode->data.dev.nlink = links;
    inode->data.dev.devno = device_number(attributes);
  }
  return inode;
}

Status Writer::write_inode(NodeId id) {
  const Attributes& attributes = tree_.node(id).attributes;
  const SqfsInode inode = SM_TRY(make_inode(id));
  inode->base.mode = static_cast<sqfs_u16>(attributes.mode);
  inode->base.mod_time = attributes.mtime;
  inode->base.inode_number = refs_[id].number;
  SM_TRY(file_.check(sqfs_id_table_id_to_index(ids_.get(), attributes.uid, &inode->base.uid_idx),
                     "more owners than squashfs has room for"));
  SM_TRY(file_.check(sqfs_id_table_id_to_index(ids_.get(), attributes.gid, &inode->base.gid_idx),
                     "more owners than squashfs has room for"));
  const std::uint32_t xattrs = SM_TRY(xattr_index(attributes));
  SM_TRY(file_.check(sqfs_inode_set_xattr_index(inode.get(), xattrs), "extended attributes"));

  std::uint64_t block = 0;
  std::uint32_t offset = 0;
  sqfs_meta_writer_get_position(inode_table_.get(), &block, &offset);
  refs_[id].location = block << 16U | offset;
  return file_.check(sqfs_meta_writer_write_inode(inode_table_.get(), inode.get()), "inode table");
}

Status Writer::write_tables() {
  sqfs_file_t* const out = file_.get();
  SM_TRY(file_.check(sqfs_frag_table_write(fragments_.get(), out, &super_, compressor_.get()),
                     "fragment table"));
  SM_TRY(file_.check(sqfs_id_table_write(ids_.get(), out, &super_, compressor_.get()), "id table"));
  SM_TRY(file_.check(sqfs_xattr_writer_flush(xattrs_.get(), out, &super_, compressor_.get()),
                     "extended attributes"));
  super_.bytes_used = file_.size();
  SM_TRY(file_.check(sqfs_super_write(&super_, out), "super block"));
  // Whole device blocks, or the last would be cut short on a block device.
  const std::uint64_t whole =
      (file_.size() + SQFS_DEVBLK_SIZE - 1) / SQFS_DEVBLK_SIZE * SQFS_DEVBLK_SIZE;
  return file_.check(out->truncate(out, whole), "last block");
}

}  // namespace

Status write_squashfs(const LayerTree& tree, const Spool& spool, const AtomicFile& out,
                      const std::function<void(std::uint64_t bytes)>& wrote) {
  return Writer(tree, spool, out.fd(), wrote).write();
}

}  // namespace supermachine::rootfs
