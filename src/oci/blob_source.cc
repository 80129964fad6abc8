// SPDX-License-Identifier: Apache-2.0
#include "oci/blob_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "base/tar_reader.h"

namespace supermachine::oci {
namespace {

constexpr std::size_t kMaxMembers = 100'000;  // an image has three for each layer

class OwnedFileSource final : public ByteSource {
 public:
  OwnedFileSource(std::shared_ptr<UniqueFd> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), bytes_(file_->get(), offset, size) {}
  Result<std::size_t> read(std::span<std::byte> out) override { return bytes_.read(out); }
  Status skip(std::uint64_t count) override { return bytes_.skip(count); }

 private:
  std::shared_ptr<UniqueFd> file_;
  FileSource bytes_;
};

// A plain name without "./" and trailing slashes; empty when it has "..".
std::string normal_name(std::string_view name) {
  std::string normal;
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return {};
    if (!normal.empty()) normal += '/';
    normal += part;
  }
  return normal;
}

// Where a symlink at `name` points, inside the archive; empty when it points out of it.
std::string link_destination(std::string_view name, std::string_view target) {
  std::vector<std::string_view> parts;
  const auto take = [&](std::string_view path) {
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      const std::string_view part = path.substr(0, slash);
      path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  const std::size_t slash = name.rfind('/');
  if (target.starts_with('/')) return {};
  if (slash != std::string_view::npos) take(name.substr(0, slash));
  if (!take(target)) return {};
  return fmt::format("{}", fmt::join(parts, "/"));
}

bool is_missing(const Error& error) {
  return error.os_errno() == ENOENT || error.os_errno() == ENOTDIR;
}

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace

Result<std::unique_ptr<BlobSource>> LayoutDirectory::open_directory(const std::string& path) {
  auto fd = sys::open(path, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      return Error(Errc::kNotFound, path + ": no such directory");
    }
    if (fd.error().os_errno() == ENOTDIR) {
      return Error(Errc::kInvalidArgument,
                   path + ": not a directory; for a tar file use oci-archive:" + path);
    }
    return std::move(fd).error();
  }
  return std::unique_ptr<BlobSource>(new LayoutDirectory(std::move(fd).value()));
}

Result<std::optional<Blob>> LayoutDirectory::open(std::string_view name) const {
  const std::string normal = normal_name(name);
  if (normal.empty()) return std::optional<Blob>();
  auto fd = sys::open_beneath(directory_.get(), normal, O_RDONLY | O_NONBLOCK);
  if (!fd.ok()) {
    if (is_missing(fd.error())) return std::optional<Blob>();
    return std::move(fd).error();
  }
  const struct stat status = SM_TRY(sys::file_status(fd.value().get()));
  if (!S_ISREG(status.st_mode)) return Error(Errc::kCorrupt, normal + ": not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  auto file = std::make_shared<UniqueFd>(std::move(fd).value());
  return std::optional(Blob{std::make_unique<OwnedFileSource>(std::move(file), 0, size), size});
}

Result<std::unique_ptr<BlobSource>> ArchiveFile::open_file(const std::string& path) {
  auto fd = sys::open(path, O_RDONLY);
  if (!fd.ok()) {
    if (is_missing(fd.error())) return Error(Errc::kNotFound, path + ": no such file");
    return std::move(fd).error();
  }
  auto file = std::make_shared<UniqueFd>(std::move(fd).value());
  const struct stat status = SM_TRY(sys::file_status(file->get()));
  if (S_ISDIR(status.st_mode)) {
    return Error(Errc::kInvalidArgument, path + ": is a directory; use oci-layout:" + path);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::kInvalidArgument,
                 path + ": not a regular file; an archive is read in place");
  }
  std::unique_ptr<ArchiveFile> archive(new ArchiveFile(std::move(file)));
  Status scanned = archive->scan();
  if (!scanned.ok()) return std::move(scanned).error().with(path);
  return std::unique_ptr<BlobSource>(std::move(archive));
}

Status ArchiveFile::scan() {
  const struct stat status = SM_TRY(sys::file_status(file_->get()));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::array<std::byte, 512> first{};
  const auto first_bytes = std::span(first).first(std::min<std::uint64_t>(first.size(), size));
  SM_TRY(read_exact_at(file_->get(), first_bytes, 0));
  if (!is_tar_header(first_bytes)) {
    return Error(
        Errc::kCorrupt,
        fmt::format("not an OCI or docker archive ({})",
                    is_gzip(first_bytes) ? "it is compressed; gunzip it first" : "not a tar file"));
  }
  FileSource bytes(file_->get(), 0, size);
  TarReader tar(bytes);
  while (const auto entry = SM_TRY(tar.next())) {
    const std::string name = normal_name(entry->path);
    if (name.empty()) continue;
    if (members_.size() + links_.size() >= kMaxMembers) {
      return Error(Errc::kExhausted, "archive has too many members");
    }
    if (entry->type == TarEntry::Type::kFile) {
      members_.insert_or_assign(name, Member{entry->data_offset, entry->size});
    } else if (entry->type == TarEntry::Type::kSymlink) {
      const std::string target = link_destination(name, entry->link_target);
      if (!target.empty()) links_.insert_or_assign(name, target);
    }
  }
  return {};
}

Result<std::optional<Blob>> ArchiveFile::open(std::string_view name) const {
  std::string normal = normal_name(name);
  if (const auto link = links_.find(normal); link != links_.end()) normal = link->second;
  const auto member = members_.find(normal);
  if (member == members_.end()) return std::optional<Blob>();
  const auto [offset, size] = member->second;
  return std::optional(Blob{std::make_unique<OwnedFileSource>(file_, offset, size), size});
}

Result<std::string> read_small(const BlobSource& source, std::string_view name,
                               std::size_t max_bytes) {
  const auto blob = SM_TRY(source.open(name));
  if (!blob) return Error(Errc::kNotFound, fmt::format("{} is missing", name));
  if (blob->size > max_bytes) {
    return Error(Errc::kCorrupt, fmt::format("{} is longer than {} bytes", name, max_bytes));
  }
  std::string text(blob->size, '\0');
  const std::size_t got =
      SM_TRY(read_up_to(*blob->bytes, std::as_writable_bytes(std::span(text.data(), text.size()))));
  text.resize(got);
  return text;
}

}  // namespace supermachine::oci
