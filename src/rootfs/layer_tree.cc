// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>

namespace supermachine::rootfs {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";  // what aufs kept for itself
constexpr std::size_t kNameBytes = 255;
constexpr std::size_t kBufferBytes = 65536;
// What squashfs can express (the kernel's new_encode_dev).
constexpr std::uint32_t kMaxMajor = (1U << 12U) - 1;
constexpr std::uint32_t kMaxMinor = (1U << 20U) - 1;
constexpr int kMaxLinks = 40;  // followed for one name, as the kernel has it

Error refused(std::string_view path, std::string_view why) {
  return {Errc::kCorrupt, fmt::format("entry '{}' {}", path, why)};
}

Status check_length(std::string_view name, std::string_view named) {
  if (name.size() <= kNameBytes) return {};
  return refused(named, "has a component longer than 255 bytes");
}

// Of a directory on the way to an entry: names in a symlink were not looked at before.
Status check_made(std::string_view name, std::string_view named) {
  if (name.starts_with(kWhiteout)) {
    return refused(named, fmt::format("runs through '{}', a name of whiteouts", name));
  }
  return check_length(name, named);
}

// "./a//b/" -> a, b. A leading slash means the root of the tree, as it does to container tools.
Result<std::vector<std::string_view>> split(std::string_view path, std::string_view named) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") return refused(named, "has '..' in its name: refused");
    SM_TRY(check_length(name, named));
    components.push_back(name);
  }
  return components;
}

std::uint32_t type_bits(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::kDirectory:
      return S_IFDIR;
    case TarEntry::Type::kSymlink:
      return S_IFLNK;
    case TarEntry::Type::kCharacterDevice:
      return S_IFCHR;
    case TarEntry::Type::kBlockDevice:
      return S_IFBLK;
    case TarEntry::Type::kFifo:
      return S_IFIFO;
    case TarEntry::Type::kFile:
    case TarEntry::Type::kHardLink:
      break;
  }
  return S_IFREG;
}

std::uint32_t clamp_time(std::int64_t seconds) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

// squashfs keeps these namespaces and no other. Marks that overlayfs left would change what the
// guest's own overlay shows.
bool is_kept(std::string_view xattr) {
  if (xattr.starts_with("trusted.overlay.")) return false;
  return xattr.starts_with("user.") || xattr.starts_with("trusted.") ||
         xattr.starts_with("security.");
}

}  // namespace

LayerTree::LayerTree(Limits limits, Spool& spool)
    : limits_(limits), spool_(spool), buffer_(kBufferBytes) {
  nodes_.emplace_back().attributes.mode = S_IFDIR | 0755;
}

Status LayerTree::apply(ByteSource& source) {
  ++layer_;
  TarReader tar(source, {.needs_end_marker = false});  // the digest tells a cut layer
  while (auto entry = SM_TRY(tar.next())) SM_TRY(apply_entry(tar, *entry));
  // The source knows whether its bytes were the right ones only once it has seen the last.
  while (SM_TRY(source.read(buffer_)) > 0) continue;
  return {};
}

Status LayerTree::count(const TarEntry& entry) {
  if (++entries_ > limits_.entries) {
    return Error(Errc::kExhausted, fmt::format("more than {} entries", limits_.entries));
  }
  std::uint64_t metadata = entry.path.size() + entry.link_target.size();
  for (const auto& [name, value] : entry.xattrs) {
    if (name.size() > kNameBytes || value.size() > limits_.xattr_value_bytes) {
      return refused(entry.path, "has an extended attribute that is too large");
    }
    metadata += name.size() + value.size();
  }
  SM_TRY(count_metadata(metadata));
  if (entry.size > limits_.content_bytes - content_bytes_) {
    return Error(Errc::kExhausted,
                 fmt::format("more than {} bytes of files", limits_.content_bytes));
  }
  content_bytes_ += entry.size;
  return {};
}

struct LayerTree::Walk {
  std::string_view path;  // for errors
  int links = 0;
};

NodeId LayerTree::add(NodeId parent, Attributes attributes) {
  const auto id = static_cast<NodeId>(nodes_.size());
  Node& node = nodes_.emplace_back();
  node.attributes = std::move(attributes);
  node.parent = parent;
  return id;
}

Result<Attributes> LayerTree::read_attributes(TarReader& tar, const TarEntry& entry) {
  Attributes attributes;
  attributes.mode = type_bits(entry.type) | entry.mode;
  attributes.uid = entry.uid;
  attributes.gid = entry.gid;
  attributes.mtime = clamp_time(entry.mtime);
  attributes.device_major = entry.device_major;
  attributes.device_minor = entry.device_minor;
  if (entry.device_major > kMaxMajor || entry.device_minor > kMaxMinor) {
    return refused(entry.path, "has a device number that is too large");
  }
  for (const auto& [name, value] : entry.xattrs) {
    if (is_kept(name)) attributes.xattrs.emplace(name, value);
  }
  if (entry.type == TarEntry::Type::kSymlink) {
    if (entry.link_target.empty()) return refused(entry.path, "is a symlink to nothing");
    attributes.link_target = entry.link_target;
  }
  if (entry.type == TarEntry::Type::kFile) {
    attributes.content = {spool_.size(), entry.size};
    while (const std::size_t got = SM_TRY(tar.read(buffer_))) {
      SM_TRY(spool_.append(std::span(buffer_).first(got)));
    }
  }
  return attributes;
}

Status LayerTree::count_metadata(std::uint64_t bytes) {
  metadata_bytes_ += bytes;
  if (metadata_bytes_ <= limits_.metadata_bytes) return {};
  return Error(Errc::kExhausted,
               fmt::format("more than {} bytes of names and attributes", limits_.metadata_bytes));
}

Status LayerTree::apply_entry(TarReader& tar, const TarEntry& entry) {
  SM_TRY(count(entry));
  Components components = SM_TRY(split(entry.path, entry.path));
  if (components.empty()) {
    if (entry.type != TarEntry::Type::kDirectory) {
      return refused(entry.path, "would replace the root directory");
    }
    nodes_[kRoot].attributes = SM_TRY(read_attributes(tar, entry));
    return {};
  }
  const std::string_view name = components.back();
  components.pop_back();
  const NodeId directory = SM_TRY(directory_for(components, entry.path));
  if (name == kOpaque) {
    clear(directory);
    return {};
  }
  if (name.starts_with(kWhiteoutMeta)) return {};
  if (name.starts_with(kWhiteout)) {
    const std::string_view hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
      return refused(entry.path, "hides no name");
    }
    hide(directory, hidden);
    return {};
  }

  NodeId node = 0;
  if (entry.type == TarEntry::Type::kHardLink) {
    node = SM_TRY(hard_link_target(entry));
  } else {
    Attributes attributes = SM_TRY(read_attributes(tar, entry));
    const auto old = nodes_[directory].children.find(name);
    if (entry.type == TarEntry::Type::kDirectory && old != nodes_[directory].children.end() &&
        S_ISDIR(nodes_[old->second.node].attributes.mode)) {
      // The same directory with another owner, mode or time; what it holds stays.
      node = old->second.node;
      nodes_[node].attributes = std::move(attributes);
    } else {
      node = add(directory, std::move(attributes));
    }
  }
  nodes_[directory].children.insert_or_assign(std::string(name), Node::Child{node, layer_});
  return {};
}

// A link to a symlink shares the symlink, as link(2) does: nothing is followed at its end.
Result<NodeId> LayerTree::hard_link_target(const TarEntry& entry) {
  Components components = SM_TRY(split(entry.link_target, entry.path));
  if (components.empty()) return refused(entry.path, "is a hard link to a directory");
  const std::string_view name = components.back();
  components.pop_back();
  const NodeId directory = SM_TRY(directory_for(components, entry.path));
  const auto found = nodes_[directory].children.find(name);
  if (found == nodes_[directory].children.end()) {
    return refused(entry.path,
                   fmt::format("is a hard link to '{}', which is not there", entry.link_target));
  }
  if (S_ISDIR(nodes_[found->second.node].attributes.mode)) {
    return refused(entry.path, "is a hard link to a directory");
  }
  return found->second.node;
}

// The directory at `components`; what is missing on the way is made, as container tools do.
Result<NodeId> LayerTree::directory_for(const Components& components, std::string_view path) {
  Walk walk{path};
  NodeId directory = kRoot;
  for (const std::string_view name : components) {
    directory = SM_TRY(descend(directory, name, walk));
  }
  return directory;
}

Result<NodeId> LayerTree::descend(NodeId directory, std::string_view name, Walk& walk) {
  const auto found = nodes_[directory].children.find(name);
  if (found == nodes_[directory].children.end()) {
    if (nodes_.size() > limits_.entries * 2) {
      return Error(Errc::kExhausted, fmt::format("more than {} directories", limits_.entries));
    }
    SM_TRY(check_made(name, walk.path));
    Attributes attributes;
    attributes.mode = S_IFDIR | 0755;
    const NodeId made = add(directory, std::move(attributes));
    nodes_[directory].children.emplace(name, Node::Child{made, layer_});
    return made;
  }
  const auto [node, layer] = found->second;
  const std::uint32_t mode = nodes_[node].attributes.mode;
  if (S_ISDIR(mode)) return node;
  if (!S_ISLNK(mode)) {
    return refused(walk.path, fmt::format("runs through '{}', which is no directory", name));
  }
  if (layer == layer_) {
    return refused(walk.path,
                   fmt::format("runs through '{}', a symlink of the same layer: refused", name));
  }
  return follow(directory, node, walk);
}

Result<NodeId> LayerTree::follow(NodeId directory, NodeId link, Walk& walk) {
  if (++walk.links > kMaxLinks) return refused(walk.path, "runs through too many symlinks");
  // A copy: making directories on the way moves the nodes.
  const std::string target = nodes_[link].attributes.link_target;
  // Each following counts, or long targets would let a small layer cost hours.
  SM_TRY(count_metadata(target.size()));
  std::string_view rest = target;
  if (rest.starts_with('/')) directory = kRoot;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (directory == kRoot) {
        return refused(walk.path,
                       fmt::format("runs through a symlink that leaves the root ('{}')", target));
      }
      directory = nodes_[directory].parent;
      continue;
    }
    directory = SM_TRY(descend(directory, name, walk));
  }
  return directory;
}

// Whiteouts hide what lower layers put there, never what their own layer did, wherever in the layer
// they stand.
void LayerTree::hide(NodeId directory, std::string_view name) {
  const auto found = nodes_[directory].children.find(name);
  if (found == nodes_[directory].children.end()) return;
  const auto [node, layer] = found->second;
  if (S_ISDIR(nodes_[node].attributes.mode)) clear(node);
  if (layer < layer_ && nodes_[node].children.empty()) nodes_[directory].children.erase(found);
}

void LayerTree::clear(NodeId directory) {
  // Within one layer nothing of a lower one comes back, so once is enough. Without this mark a
  // layer of nothing but whiteouts would cost the square of its length.
  std::vector<NodeId> unfinished{directory};
  std::vector<NodeId> order;
  while (!unfinished.empty()) {
    const NodeId id = unfinished.back();
    unfinished.pop_back();
    if (nodes_[id].cleared_by == layer_) continue;
    nodes_[id].cleared_by = layer_;
    order.push_back(id);
    for (const auto& [name, child] : nodes_[id].children) {
      if (S_ISDIR(nodes_[child.node].attributes.mode)) unfinished.push_back(child.node);
    }
  }
  // Parents were met before what they hold.
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    std::erase_if(nodes_[*id].children, [&](const auto& entry) {
      return entry.second.layer < layer_ && nodes_[entry.second.node].children.empty();
    });
  }
}

const Node* LayerTree::find(std::string_view path) const {
  NodeId id = kRoot;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const auto found = nodes_[id].children.find(path.substr(0, slash));
    if (found == nodes_[id].children.end()) return nullptr;
    id = found->second.node;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return &nodes_[id];
}

}  // namespace supermachine::rootfs
