// SPDX-License-Identifier: Apache-2.0
#include "rootfs/initramfs.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <limits>
#include <map>
#include <string_view>

namespace supermachine::rootfs {
namespace {

constexpr std::size_t kAlignment = 4;  // of names and contents, counted from the archive's start
constexpr std::string_view kTrailer = "TRAILER!!!";

struct Node {
  std::uint32_t mode = 0;  // type and permissions
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::span<const std::byte> bytes;
};

// Sorted, so that a directory comes before what it holds.
using Nodes = std::map<std::string, Node, std::less<>>;

class CpioWriter {
 public:
  void add(std::string_view name, const Node& node) {
    const bool is_directory = S_ISDIR(node.mode);
    // magic, inode, mode, uid, gid, links, mtime, size, device of the file system (2), device
    // number (2), length of the name with its NUL, checksum (unused in this form)
    put(
        fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}"
                    "{:08X}",
                    next_inode_++, node.mode, 0, 0, is_directory ? 2 : 1, 0, node.bytes.size(), 0,
                    0, node.device_major, node.device_minor, name.size() + 1, 0));
    put(name);
    out_.push_back(std::byte{0});
    align();
    out_.insert(out_.end(), node.bytes.begin(), node.bytes.end());
    align();
  }

  std::vector<std::byte> finish() && {
    next_inode_ = 0;
    add(kTrailer, Node{});
    return std::move(out_);
  }

 private:
  void put(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void align() { out_.resize((out_.size() + kAlignment - 1) / kAlignment * kAlignment); }

  std::vector<std::byte> out_;
  std::uint32_t next_inode_ = 1;
};

Error bad_path(std::string_view path, std::string_view why) {
  return {Errc::kInvalidArgument, fmt::format("initramfs: path '{}' {}", path, why)};
}

// Adds the directories above `path`, which has no leading slash.
Status add_parents(Nodes& nodes, std::string_view path) {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const auto [entry, added] =
        nodes.try_emplace(std::string(path.substr(0, slash)), Node{S_IFDIR | 0755, 0, 0, {}});
    if (!added && !S_ISDIR(entry->second.mode)) {
      return bad_path(path, "runs through a file");
    }
  }
  return {};
}

Result<std::string_view> checked_path(std::string_view path) {
  const std::string_view full = path;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.find('\0') != std::string_view::npos) return bad_path(full, "holds a NUL");
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (component.empty() || component == "." || component == "..") {
      return bad_path(full, "has an empty, '.' or '..' component");
    }
    if (slash == std::string_view::npos) return path;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<std::vector<std::byte>> make_initramfs(std::span<const InitramfsFile> files) {
  Nodes nodes;
  SM_TRY(add_parents(nodes, "dev/console"));
  nodes.try_emplace("dev/console", Node{S_IFCHR | 0600, 5, 1, {}});
  for (const InitramfsFile& file : files) {
    const std::string_view path = SM_TRY(checked_path(file.path));
    if (file.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
      return bad_path(path, "is too large: the format ends at 4 GiB");
    }
    SM_TRY(add_parents(nodes, path));
    const auto [entry, added] =
        nodes.try_emplace(std::string(path), Node{S_IFREG | (file.mode & 07777), 0, 0, file.bytes});
    if (!added) return bad_path(path, "is there already");
  }
  CpioWriter writer;
  for (const auto& [name, node] : nodes) writer.add(name, node);
  return std::move(writer).finish();
}

}  // namespace supermachine::rootfs
