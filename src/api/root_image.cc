// SPDX-License-Identifier: Apache-2.0
#include "api/root_image.h"

#include <fcntl.h>

#include <array>

#include "base/endian.h"
#include "base/files.h"
#include "base/regular_file.h"
#include "base/sys.h"
#include "snapshot/limits.h"

namespace supermachine {
namespace {

// Documentation/filesystems/squashfs.rst, and struct squashfs_super_block in Linux.
constexpr std::uint32_t kSquashfsMagic = 0x73717368;  // "hsqs"
constexpr std::size_t kSuperblockBytes = 96;
constexpr std::size_t kBytesUsedAt = 40;

Result<UniqueFd> open_root_image(const Snapshot& snapshot) {
  if (snapshot.metadata().rootfs.path != snapshot::kRootfsFile)
    return open_regular_file(snapshot.rootfs_path());
  const UniqueFd directory = SM_TRY(sys::open(snapshot.directory(), O_RDONLY | O_DIRECTORY));
  return open_regular_file_in(directory.get(), snapshot::kRootfsFile);
}

// Files that a VM must not be shown do not look like this.
Result<bool> is_squashfs(int fd, std::uint64_t size) {
  if (size < kSuperblockBytes) return false;
  std::array<std::byte, kSuperblockBytes> superblock{};
  SM_TRY(read_exact_at(fd, superblock, 0));
  return load_le<std::uint32_t>(superblock, 0) == kSquashfsMagic &&
         load_le<std::uint64_t>(superblock, kBytesUsedAt) <= size;
}

Status check(const Snapshot& snapshot) {
  const UniqueFd fd = SM_TRY(open_root_image(snapshot));
  const std::uint64_t size = SM_TRY(sys::file_size(fd.get()));
  if (!SM_TRY(is_squashfs(fd.get(), size)))
    return Error(Errc::kCorrupt, snapshot.rootfs_path() + " is no squashfs");
  if (size != snapshot.metadata().rootfs.size_bytes)
    return Error(Errc::kCorrupt, snapshot.rootfs_path() + " is another one now");
  return {};
}

}  // namespace

Status check_root_image(const Snapshot& snapshot) {
  if (snapshot.rootfs_path().empty()) return {};
  Status checked = check(snapshot);
  if (!checked.ok()) return std::move(checked).error().with("its root file system");
  return {};
}

}  // namespace supermachine
