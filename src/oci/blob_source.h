// SPDX-License-Identifier: Apache-2.0
// Where an image's blobs lie: an OCI layout directory, or a tar file, whose members are read in
// place. Nothing is unpacked, so no name in an archive ever becomes a path of this machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_source.h"
#include "base/handles.h"

namespace supermachine::oci {

// A blob's bytes, not yet held against its digest. Keeps what it needs open by itself.
struct Blob {
  std::unique_ptr<ByteSource> bytes;
  std::uint64_t size = 0;
};

class BlobSource {
 public:
  virtual ~BlobSource() = default;

  // `name` is relative to the layout's or archive's root: "index.json", "blobs/sha256/<hex>".
  // nullopt when there is no such file.
  virtual Result<std::optional<Blob>> open(std::string_view name) const = 0;
};

// A directory. `name` is looked up beneath it and symlinks in it are not followed.
class LayoutDirectory final : public BlobSource {
 public:
  static Result<std::unique_ptr<BlobSource>> open_directory(const std::string& path);
  Result<std::optional<Blob>> open(std::string_view name) const override;

 private:
  explicit LayoutDirectory(UniqueFd directory) : directory_(std::move(directory)) {}
  UniqueFd directory_;
};

// A tar file, scanned once for where its members begin. A member that is a symlink to another
// stands for it, one step, as old versions of docker wrote equal layers.
class ArchiveFile final : public BlobSource {
 public:
  static Result<std::unique_ptr<BlobSource>> open_file(const std::string& path);
  Result<std::optional<Blob>> open(std::string_view name) const override;

 private:
  struct Member {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  explicit ArchiveFile(std::shared_ptr<UniqueFd> file) : file_(std::move(file)) {}
  Status scan();

  std::shared_ptr<UniqueFd> file_;  // shared with every blob that is open
  std::map<std::string, Member, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> links_;
};

// All of a small file, such as an index or a manifest. kNotFound when there is none, kCorrupt when
// it is longer than `max_bytes`.
Result<std::string> read_small(const BlobSource& source, std::string_view name,
                               std::size_t max_bytes);

}  // namespace supermachine::oci
