// SPDX-License-Identifier: Apache-2.0
// A block device over a read-only file, such as the root file system's squashfs.
#pragma once

#include <string>

#include "base/handles.h"
#include "virtio/backend/block_backend.h"

namespace supermachine::virtio {

// The file must keep its size: a part cut off later reads as zeroes.
class FileBackend final : public BlockBackend {
 public:
  // kInvalidArgument for what is no regular file; never waits.
  static Result<FileBackend> open_read_only(const std::string& path);

  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] bool read_only() const override { return true; }
  Status read_at(std::uint64_t offset, std::span<const std::span<std::byte>> out) override;
  Status write_at(std::uint64_t offset, std::span<const std::span<const std::byte>> bytes) override;
  Status flush() override { return {}; }

 private:
  FileBackend(UniqueFd fd, std::uint64_t size_bytes)
      : fd_(std::move(fd)), size_bytes_(size_bytes) {}

  UniqueFd fd_;
  std::uint64_t size_bytes_;
};

}  // namespace supermachine::virtio
