// SPDX-License-Identifier: Apache-2.0
// Bytes that come one piece after another: a region of a file, memory, or what another source makes
// of its own bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "supermachine/result.h"

namespace supermachine {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // How many bytes were put into `out`, which isn't empty; 0 at the end. A source that checks its
  // bytes against a digest answers 0 only if they agreed, so whoever has read to the end may trust
  // what was read.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;

  // Passes over `count` bytes. kCorrupt when the source ends first.
  virtual Status skip(std::uint64_t count);
};

// Fills `out` unless the source ends first; returns how much was filled.
Result<std::size_t> read_up_to(ByteSource& source, std::span<std::byte> out);

// `size` bytes of a file from `offset` on. kCorrupt when the file is shorter than that.
class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t offset, std::uint64_t size)  // `fd` is borrowed
      : fd_(fd), offset_(offset), left_(size) {}
  Result<std::size_t> read(std::span<std::byte> out) override;
  Status skip(std::uint64_t count) override;

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : left_(bytes) {}  // borrowed
  Result<std::size_t> read(std::span<std::byte> out) override;
  Status skip(std::uint64_t count) override;

 private:
  std::span<const std::byte> left_;
};

}  // namespace supermachine
