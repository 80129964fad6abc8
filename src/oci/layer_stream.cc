// SPDX-License-Identifier: Apache-2.0
#include "oci/layer_stream.h"

#include <fmt/format.h>

#include <optional>

#include "oci/decompress.h"

namespace supermachine::oci {
namespace {

// Passes bytes on and ends in an error unless they were the right ones.
class VerifiedSource final : public ByteSource {
 public:
  VerifiedSource(std::unique_ptr<ByteSource> bytes, Digest expected, std::string_view which)
      : bytes_(std::move(bytes)), expected_(std::move(expected)), which_(which) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (checked_) return std::size_t{0};
    const std::size_t got = SM_TRY(bytes_->read(out));
    if (got > 0) {
      hash_.add(out.first(got));
      return got;
    }
    const Digest digest = hash_.finish();
    if (digest != expected_) {
      return Error(Errc::kCorrupt,
                   fmt::format("{} mismatch: got {}; the archive is damaged, fetch it again",
                               which_, digest.text()));
    }
    checked_ = true;
    return got;
  }

 private:
  std::unique_ptr<ByteSource> bytes_;
  Digest expected_;
  std::string_view which_;
  Sha256 hash_;
  bool checked_ = false;
};

class BoundedSource final : public ByteSource {
 public:
  BoundedSource(std::unique_ptr<ByteSource> bytes, std::uint64_t compressed,
                const LayerLimits& limits)
      : bytes_(std::move(bytes)), limits_(limits) {
    ratio_bytes_ = std::max(limits.free_bytes, compressed > limits.max_bytes / limits.max_ratio
                                                   ? limits.max_bytes
                                                   : compressed * limits.max_ratio);
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t got = SM_TRY(bytes_->read(out));
    total_ += got;
    if (total_ > limits_.max_bytes) {
      return Error(Errc::kExhausted,
                   fmt::format("unpacks to more than {} bytes: refused", limits_.max_bytes));
    }
    if (total_ > ratio_bytes_) {
      return Error(
          Errc::kExhausted,
          fmt::format("unpacks to more than {} times its size: refused as a decompression bomb",
                      limits_.max_ratio));
    }
    return got;
  }

 private:
  std::unique_ptr<ByteSource> bytes_;
  LayerLimits limits_;
  std::uint64_t ratio_bytes_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_layer(const Image& image, const Layer& layer,
                                               const LayerLimits& limits) {
  const Compression promised = SM_TRY(compression_of_media_type(layer.media_type));
  auto blob = SM_TRY(image.blobs->open(layer.blob_name));
  if (!blob) {
    return Error(Errc::kCorrupt, "is missing; the archive is damaged, fetch it again");
  }
  const bool has_digest = !layer.digest.text().empty();
  if (has_digest && blob->size != layer.size) {
    return Error(Errc::kCorrupt, fmt::format("is {} bytes long, should be {}; the archive is "
                                             "damaged, fetch it again",
                                             blob->size, layer.size));
  }
  std::unique_ptr<ByteSource> bytes = std::move(blob->bytes);
  if (has_digest) {
    bytes = std::make_unique<VerifiedSource>(std::move(bytes), layer.digest, "digest");
  }
  bytes = SM_TRY(decompress(std::move(bytes), promised));
  bytes = std::make_unique<BoundedSource>(std::move(bytes), blob->size, limits);
  return std::unique_ptr<ByteSource>(std::make_unique<VerifiedSource>(
      std::move(bytes), layer.diff_id, "digest of the unpacked layer (diff_id)"));
}

}  // namespace supermachine::oci
