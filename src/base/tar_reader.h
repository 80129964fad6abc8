// SPDX-License-Identifier: Apache-2.0
// Reads a tar stream, member by member, without ever seeking: ustar with the extensions of pax
// (POSIX.1-2017, pax, "ustar Interchange Format") and of GNU tar (long names, base-256 numbers).
//
// Names come out as the bytes the archive holds: no character set, no cleaning up, so a caller that
// builds paths from them must check them. Sparse members are refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/byte_source.h"

namespace supermachine {

struct TarEntry {
  enum class Type : std::uint8_t {
    kFile,
    kHardLink,
    kSymlink,
    kCharacterDevice,
    kBlockDevice,
    kDirectory,
    kFifo,
  };

  Type type = Type::kFile;
  std::string path;
  std::string link_target;  // of a hard link or symlink
  std::uint32_t mode = 0;   // permission bits, without the type
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  // whole seconds
  std::uint64_t size = 0;  // of the data that follows: 0 for all but files
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;
  std::uint64_t data_offset = 0;  // where the data begins, from the start of the stream
};

struct TarLimits {
  std::size_t path_bytes = 4096;          // of a name or a link's target
  std::size_t extension_bytes = 1 << 20;  // of one pax header: holds the extended attributes
  // A tar ends with zero blocks. Without them nobody can tell a whole archive from one that was cut
  // between two members; streams that are held against a digest may do without.
  bool needs_end_marker = true;
};

// Whether a tar may begin with these 512 bytes.
[[nodiscard]] bool is_tar_header(std::span<const std::byte> block);

class TarReader {
 public:
  explicit TarReader(ByteSource& source, TarLimits limits = {})  // not owned; outlives us
      : source_(source), limits_(limits) {}

  // The next member, nullopt after the last. Passes over what is unread of the one before. What
  // follows the end marker is left in the source.
  Result<std::optional<TarEntry>> next();

  // Data of the member that next() returned; 0 at its end. A stream that ends first is kCorrupt.
  Result<std::size_t> read(std::span<std::byte> out);

 private:
  struct Extensions;  // what pax and GNU headers said about the next member

  Result<bool> read_block(std::span<std::byte> block);  // false at the end of the stream
  Result<std::string> read_extension(std::uint64_t size);
  Status pass_over(std::uint64_t count);
  Result<TarEntry> decode(std::span<const std::byte> block, Extensions extensions);

  ByteSource& source_;
  TarLimits limits_;
  std::uint64_t position_ = 0;   // bytes taken from the source
  std::uint64_t data_left_ = 0;  // of the current member
  std::uint64_t padding_ = 0;    // after it
};

}  // namespace supermachine
