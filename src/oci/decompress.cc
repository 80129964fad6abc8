#include "oci/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace supermachine::oci {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

struct Magic {
  std::string_view bytes;
  std::string_view name;
  std::optional<Compression> compression;  // none: known, and not read by us
};
constexpr std::array kMagics{
    Magic{{"\x1f\x8b", 2}, "gzip", Compression::kGzip},
    Magic{{"\x28\xb5\x2f\xfd", 4}, "zstd", Compression::kZstd},
    Magic{{"\xfd"
           "7zXZ\0",
           6},
          "xz",
          std::nullopt},
    Magic{{"BZh", 3}, "bzip2", std::nullopt},
    Magic{{"\x04\x22\x4d\x18", 4}, "lz4", std::nullopt},
};
constexpr std::size_t kMagicBytes = 6;

Error unknown_compression(std::string_view name) {
  return {Errc::kUnsupported,
          fmt::format("unknown compression '{}'; supermachine reads gzip, zstd and plain layers",
                      name)};
}

// Gives the bytes that were read too early, then the rest.
class ReplaySource final : public ByteSource {
 public:
  ReplaySource(std::vector<std::byte> first, std::unique_ptr<ByteSource> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (given_ == first_.size()) return rest_->read(out);
    const std::size_t count = std::min(out.size(), first_.size() - given_);
    std::ranges::copy(std::span(first_).subspan(given_, count), out.begin());
    given_ += count;
    return count;
  }

 private:
  std::vector<std::byte> first_;
  std::unique_ptr<ByteSource> rest_;
  std::size_t given_ = 0;
};

class FilterSource final : public ByteSource {
 public:
  FilterSource(std::unique_ptr<ByteSource> compressed, Compression compression)
      : compressed_(std::move(compressed)), compression_(compression), buffer_(kBufferBytes) {}

  Status open() {
    archive_.reset(archive_read_new());
    if (!archive_) return Error(Errc::kExhausted, "libarchive: out of memory");
    struct archive* const a = archive_.get();
    const int filter = compression_ == Compression::kGzip ? archive_read_support_filter_gzip(a)
                                                          : archive_read_support_filter_zstd(a);
    // A warning says that libarchive would run a program for it.
    if (filter != ARCHIVE_OK) return Error(Errc::kUnsupported, "libarchive lacks this compression");
    if (archive_read_support_format_raw(a) != ARCHIVE_OK ||
        archive_read_support_format_empty(a) != ARCHIVE_OK ||
        archive_read_open(a, this, nullptr, &FilterSource::on_read, nullptr) != ARCHIVE_OK) {
      return failure();
    }
    struct archive_entry* entry = nullptr;
    const int header = archive_read_next_header(a, &entry);
    ended_ = header == ARCHIVE_EOF;
    if (header != ARCHIVE_OK && !ended_) return failure();
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    while (ready_.empty() && !ended_) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int rc = archive_read_data_block(archive_.get(), &block, &size, &offset);
      if (rc == ARCHIVE_EOF) {
        ended_ = true;
      } else if (rc != ARCHIVE_OK) {
        return failure();
      } else {
        ready_ = {static_cast<const std::byte*>(block), size};
      }
    }
    if (ready_.empty()) {
      SM_TRY(drain());
      return std::size_t{0};
    }
    const std::size_t count = std::min(out.size(), ready_.size());
    std::ranges::copy(ready_.first(count), out.begin());
    ready_ = ready_.subspan(count);
    return count;
  }

 private:
  struct Free {
    void operator()(struct archive* archive) const { archive_read_free(archive); }
  };

  static la_ssize_t on_read(struct archive*, void* self, const void** block) {
    auto& source = *static_cast<FilterSource*>(self);
    auto got = source.compressed_->read(source.buffer_);
    if (!got.ok()) {
      source.error_ = std::move(got).error();
      return -1;
    }
    *block = source.buffer_.data();
    return static_cast<la_ssize_t>(got.value());
  }

  // What follows the compressed data is not ours to judge, but its digest is somebody's.
  Status drain() {
    while (SM_TRY(compressed_->read(buffer_)) > 0) continue;
    return {};
  }

  // A failing source explains more than what libarchive made of it, and so does a wrong digest.
  Error failure() {
    if (error_) return *error_;
    const char* text = archive_error_string(archive_.get());
    const std::string message = text == nullptr ? "cannot be decompressed" : text;
    Status drained = drain();
    if (!drained.ok()) return std::move(drained).error();
    return {Errc::kCorrupt, fmt::format("compressed data is damaged ({})", message)};
  }

  std::unique_ptr<ByteSource> compressed_;
  Compression compression_;
  std::vector<std::byte> buffer_;
  std::optional<Error> error_;        // of compressed_
  std::span<const std::byte> ready_;  // in libarchive's memory, until the next call
  bool ended_ = false;
  std::unique_ptr<struct archive, Free> archive_;
};

}  // namespace

Result<Compression> compression_of_media_type(std::string_view media_type) {
  const std::size_t tar = media_type.rfind("tar");
  std::string_view suffix = tar == std::string_view::npos ? media_type : media_type.substr(tar + 3);
  while (suffix.starts_with('+') || suffix.starts_with('.')) suffix.remove_prefix(1);
  if (suffix.empty()) return Compression::kNone;
  if (suffix == "gzip" || suffix == "gz") return Compression::kGzip;
  if (suffix == "zstd") return Compression::kZstd;
  return unknown_compression(suffix.substr(0, 100));
}

Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> compressed,
                                               Compression promised) {
  std::vector<std::byte> first(kMagicBytes);
  first.resize(SM_TRY(read_up_to(*compressed, first)));
  const std::string_view start(reinterpret_cast<const char*>(first.data()), first.size());
  // The bytes decide: registries hold many blobs whose type names the wrong one of the three.
  Compression found = Compression::kNone;
  for (const Magic& magic : kMagics) {
    if (!start.starts_with(magic.bytes)) continue;
    if (!magic.compression) return unknown_compression(magic.name);
    found = *magic.compression;
  }
  auto replay = std::make_unique<ReplaySource>(std::move(first), std::move(compressed));
  if (found == Compression::kNone) {
    if (promised == Compression::kNone) return std::unique_ptr<ByteSource>(std::move(replay));
    std::array<std::byte, 16384> rest{};
    while (SM_TRY(replay->read(rest)) > 0) continue;  // damage would explain it better
    return Error(Errc::kUnsupported, "unknown compression: its bytes are neither gzip nor zstd");
  }
  auto filter = std::make_unique<FilterSource>(std::move(replay), found);
  SM_TRY(filter->open());
  return std::unique_ptr<ByteSource>(std::move(filter));
}

}  // namespace supermachine::oci
