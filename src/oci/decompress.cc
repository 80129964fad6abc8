// SPDX-License-Identifier: Apache-2.0
#include "oci/decompress.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

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

// One compression's decoder. A stream may hold several members, one after the other.
class Decoder {
 public:
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool at_boundary = false;  // all that was consumed makes whole members
  };
  virtual ~Decoder() = default;
  // The error of damaged data is in the words of the decoder's library.
  virtual Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) = 0;
};

class GzipDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> create() {
    std::unique_ptr<GzipDecoder> decoder(new GzipDecoder);
    constexpr int kLargestWindow = 15;
    constexpr int kGzipHeader = 16;  // zlib.h, inflateInit2
    if (::inflateInit2(&decoder->stream_, kLargestWindow + kGzipHeader) != Z_OK) {
      return Error(Errc::kExhausted, "zlib: out of memory");
    }
    return std::unique_ptr<Decoder>(std::move(decoder));
  }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() override { ::inflateEnd(&stream_); }

  Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (trailing_) return Step{.consumed = in.size(), .at_boundary = true};
    // zlib does not write to its input, and its bytes are unsigned.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));  // NOLINT
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), kBufferBytes));
    const uInt room = stream_.avail_out;
    const int rc = ::inflate(&stream_, Z_NO_FLUSH);
    if (rc == Z_DATA_ERROR && after_member_ && stream_.total_in <= kMagicOfGzip) {
      trailing_ = true;
      return Step{.consumed = in.size(), .at_boundary = true};
    }
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
      return Error(Errc::kCorrupt, stream_.msg == nullptr ? "not gzip" : stream_.msg);
    }
    Step step{.consumed = in.size() - stream_.avail_in, .produced = room - stream_.avail_out};
    if (rc == Z_STREAM_END) {
      ::inflateReset(&stream_);
      after_member_ = true;
    }
    step.at_boundary = after_member_ && stream_.total_in < kMagicOfGzip;
    return step;
  }

 private:
  GzipDecoder() = default;

  // What follows a member without the magic of another is padding, and ignored, as by gzip.
  static constexpr uLong kMagicOfGzip = 2;

  z_stream stream_{};  // total_in counts from the beginning of the member
  bool after_member_ = false;
  bool trailing_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> create() {
    std::unique_ptr<ZstdDecoder> decoder(new ZstdDecoder);
    if (!decoder->context_) return Error(Errc::kExhausted, "zstd: out of memory");
    return std::unique_ptr<Decoder>(std::move(decoder));
  }

  Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t hint = ::ZSTD_decompressStream(context_.get(), &output, &input);
    if (::ZSTD_isError(hint) != 0) return Error(Errc::kCorrupt, ::ZSTD_getErrorName(hint));
    return Step{.consumed = input.pos, .produced = output.pos, .at_boundary = hint == 0};
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };
  ZstdDecoder() : context_(::ZSTD_createDCtx()) {}
  std::unique_ptr<ZSTD_DCtx, Free> context_;  // refuses windows over 128 MiB by itself
};

class DecodingSource final : public ByteSource {
 public:
  DecodingSource(std::unique_ptr<ByteSource> compressed, std::unique_ptr<Decoder> decoder)
      : compressed_(std::move(compressed)), decoder_(std::move(decoder)), buffer_(kBufferBytes) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (out.empty()) return std::size_t{0};
    for (;;) {
      if (input_.empty()) {
        input_ = std::span(buffer_).first(SM_TRY(compressed_->read(buffer_)));
        // A decoder may still hold output for which there was no room.
        if (input_.empty() && at_boundary_) return std::size_t{0};
      }
      const bool source_ended = input_.empty();
      auto step = decoder_->step(input_, out);
      if (!step.ok()) return damaged(step.error().message());
      input_ = input_.subspan(step.value().consumed);
      if (step.value().consumed > 0 || step.value().produced > 0) {
        at_boundary_ = step.value().at_boundary;
      }
      if (step.value().produced > 0) return step.value().produced;
      if (source_ended) return damaged("it ends early");
    }
  }

 private:
  // A wrong digest explains more than what the decoder made of the bytes; so does a source that
  // fails. What follows the damage is read for them.
  Error damaged(const std::string& how) {
    for (;;) {
      const auto got = compressed_->read(buffer_);
      if (!got.ok()) return got.error();
      if (got.value() == 0) break;
    }
    return {Errc::kCorrupt, fmt::format("compressed data is damaged ({})", how)};
  }

  std::unique_ptr<ByteSource> compressed_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> input_;  // in buffer_
  bool at_boundary_ = false;
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
  auto decoder =
      SM_TRY(found == Compression::kGzip ? GzipDecoder::create() : ZstdDecoder::create());
  return std::unique_ptr<ByteSource>(
      std::make_unique<DecodingSource>(std::move(replay), std::move(decoder)));
}

}  // namespace supermachine::oci
