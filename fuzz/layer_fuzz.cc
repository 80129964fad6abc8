// SPDX-License-Identifier: Apache-2.0
// Two layers from one input, merged. Whatever they hold, the tree must be one: plain names, no
// cycles, every directory in one place.
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "oci/decompress.h"
#include "rootfs/layer_tree.h"

namespace supermachine {
namespace {

using rootfs::LayerTree;
using rootfs::Node;
using rootfs::NodeId;

constexpr rootfs::Limits kLimits{
    .content_bytes = 1 << 20, .entries = 2000, .metadata_bytes = 1 << 20};

void check(const LayerTree& tree) {
  std::set<NodeId> directories;
  std::vector<NodeId> unfinished{LayerTree::kRoot};
  while (!unfinished.empty()) {
    const NodeId id = unfinished.back();
    unfinished.pop_back();
    SM_CHECK(directories.insert(id).second);
    for (const auto& [name, child] : tree.node(id).children) {
      SM_CHECK(!name.empty() && name.size() <= 255 && name != "." && name != "..");
      SM_CHECK(name.find('/') == std::string::npos && name.find('\0') == std::string::npos);
      SM_CHECK(!name.starts_with(".wh."));
      const Node& node = tree.node(child.node);
      if (S_ISDIR(node.attributes.mode)) {
        SM_CHECK(node.parent == id);
        unfinished.push_back(child.node);
      } else {
        SM_CHECK(node.children.empty());
      }
    }
  }
}

// Mutations that only break a checksum would test nothing else.
void mend_checksums(std::vector<std::byte>& tar) {
  constexpr std::string_view kMagic = "ustar";
  for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
    char* const block = reinterpret_cast<char*>(tar.data()) + at;  // text of a tar header
    if (std::string_view(block + 257, kMagic.size()) != kMagic) continue;
    std::memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; ++i) sum += static_cast<unsigned char>(block[i]);
    std::snprintf(block + 148, 8, "%06o", sum);
  }
}

bool apply(LayerTree& tree, std::span<const std::byte> layer) {
  auto bytes = oci::decompress(std::make_unique<MemorySource>(layer), oci::Compression::kNone);
  if (!bytes.ok()) return false;
  // Even a tree that was given up halfway holds together.
  const bool applied = tree.apply(*bytes.value()).ok();
  check(tree);
  return applied;
}

}  // namespace
}  // namespace supermachine

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine;
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  std::vector<std::byte> mended(input.begin(), input.end());
  mend_checksums(mended);
  const std::span<const std::byte> bytes = mended;
  // The first byte says where the second layer begins, in blocks.
  const std::size_t first = std::min<std::size_t>(data[0] * std::size_t{512}, bytes.size());
  auto spool = rootfs::Spool::create("/dev/shm");
  SM_CHECK(spool.ok());
  LayerTree tree(kLimits, spool.value());
  if (apply(tree, bytes.first(first))) apply(tree, bytes.subspan(first));
  return 0;
}
