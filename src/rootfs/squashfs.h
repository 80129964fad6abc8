// SPDX-License-Identifier: Apache-2.0
// Writes a LayerTree as one squashfs image, for Linux with CONFIG_SQUASHFS_ZSTD and _XATTR.
//
// The same tree gives the same bytes: entries in byte order, no clock, no host owner.
#pragma once

#include <cstdint>
#include <functional>

#include "base/files.h"
#include "rootfs/layer_tree.h"
#include "rootfs/spool.h"

namespace supermachine::rootfs {

// Writes to `out`, which must be empty; leaves committing it to the caller. `spool` holds the
// tree's file contents and was flushed.
//
// `wrote` is told how many bytes of file contents came from the spool, piece by piece.
Status write_squashfs(const LayerTree& tree, const Spool& spool, const AtomicFile& out,
                      const std::function<void(std::uint64_t bytes)>& wrote = {});

}  // namespace supermachine::rootfs
