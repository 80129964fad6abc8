// SPDX-License-Identifier: Apache-2.0
// Writes an initramfs: a cpio archive in the "newc" form the kernel unpacks into its first root
// (Documentation/driver-api/early-userspace/buffer-format.rst). Bytes in, bytes out; no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::rootfs {

struct InitramfsFile {
  std::string path;           // "/init" or "init"; without empty, "." and ".." components
  std::uint32_t mode = 0755;  // permission bits; the file is a regular one, owned by root
  std::span<const std::byte> bytes;
};

// The archive holds `files`, the directories above them and /dev/console, without which the kernel
// starts init with no standard streams. Same input, same bytes: times are zero, order is fixed.
// kInvalidArgument for a path that is empty, repeated, or both a file and a directory.
Result<std::vector<std::byte>> make_initramfs(std::span<const InitramfsFile> files);

}  // namespace supermachine::rootfs
