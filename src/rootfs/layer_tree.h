// SPDX-License-Identifier: Apache-2.0
// The merged file tree of an image's layers, in memory: what each layer adds, replaces and hides
// (OCI image-spec, layer.md). File contents lie in a Spool; the tree holds references to it.
//
// Names come from hostile archives. Nothing here touches a path of the host: a name only ever means
// a node of this tree. Still refused, since no honest writer makes them: names with "..", names
// that run through a symlink of the same layer, and symlinks that climb above the root on the way.
// A symlink of a lower layer is resolved inside the tree (/bin -> usr/bin, and later bin/tool).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/tar_reader.h"
#include "rootfs/spool.h"

namespace supermachine::rootfs {

// What an image may ask of us before it is refused.
struct Limits {
  std::uint64_t content_bytes = std::uint64_t{64} << 30;    // of all files, in all layers
  std::uint64_t entries = 1'000'000;                        // members, in all layers
  std::uint64_t metadata_bytes = std::uint64_t{512} << 20;  // names, link targets, attributes
  std::size_t xattr_value_bytes = 65536;                    // as the kernel has it
};

using NodeId = std::uint32_t;

struct Attributes {
  std::uint32_t mode = 0;  // type and permissions, as in stat(2)
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mtime = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;
  std::string link_target;  // of a symlink
  Spool::Range content;     // of a regular file
};

struct Node {
  struct Child {
    NodeId node = 0;
    std::uint32_t layer = 0;  // the one that put this name here
  };

  Attributes attributes;
  std::map<std::string, Child, std::less<>> children;  // of a directory, in byte order
  NodeId parent = 0;                                   // of a directory; the root's is the root
  std::uint32_t cleared_by = 0;  // the layer that last hid what lower layers had put below
};

class LayerTree {
 public:
  static constexpr NodeId kRoot = 0;

  explicit LayerTree(Limits limits, Spool& spool);  // `spool` is not owned; outlives us

  // Reads one layer's tar to its end, the lowest layer first. After an error the tree is of no use.
  Status apply(ByteSource& tar);

  [[nodiscard]] const Node& node(NodeId id) const { return nodes_[id]; }
  [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }  // hidden ones included
  // The node at a plain path such as "usr/bin/env"; nullptr when there is none. Follows nothing.
  [[nodiscard]] const Node* find(std::string_view path) const;

 private:
  using Components = std::vector<std::string_view>;
  struct Walk;  // the name being looked up, and how many symlinks it has cost

  Status apply_entry(TarReader& tar, const TarEntry& entry);
  Status count(const TarEntry& entry);
  Status count_metadata(std::uint64_t bytes);
  Result<Attributes> read_attributes(TarReader& tar, const TarEntry& entry);
  Result<NodeId> hard_link_target(const TarEntry& entry);
  Result<NodeId> directory_for(const Components& components, std::string_view path);
  Result<NodeId> descend(NodeId directory, std::string_view name, Walk& walk);
  Result<NodeId> follow(NodeId directory, NodeId link, Walk& walk);
  void hide(NodeId directory, std::string_view name);
  void clear(NodeId directory);
  NodeId add(NodeId parent, Attributes attributes);

  Limits limits_;
  Spool& spool_;
  std::vector<std::byte> buffer_;  // for bytes on their way to the spool
  std::vector<Node> nodes_;
  std::uint32_t layer_ = 0;  // counted from 1
  std::uint64_t entries_ = 0;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t metadata_bytes_ = 0;
};

}  // namespace supermachine::rootfs
