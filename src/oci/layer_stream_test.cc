// SPDX-License-Identifier: Apache-2.0
#include "oci/layer_stream.h"

#include <gtest/gtest.h>

#include "oci_image.h"
#include "result_matchers.h"

namespace supermachine::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The bytes of the only layer of `image`.
Result<std::string> unpack(const OciImage& image, const LayerLimits& limits = {}) {
  const Image found = SM_TRY(find_image(std::make_shared<MemoryBlobs>(image.files),
                                        SM_TRY(Reference::parse("oci-archive:x.tar")), Platform{}));
  const auto bytes = SM_TRY(open_layer(found, found.layers.front(), limits));
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = SM_TRY(bytes->read(std::as_writable_bytes(std::span(buffer))))) {
    out.append(buffer.data(), got);
  }
  return out;
}

Result<std::string> unpack(const OciImage::Layer& layer, const LayerLimits& limits = {}) {
  return unpack(OciImage::of({layer}), limits);
}

TarWriter some_files() {
  TarWriter tar;
  for (int i = 0; i < 50; ++i)
    tar.file("f" + std::to_string(i), std::string(997, static_cast<char>('a' + i % 20)));
  return tar;
}

TEST(LayerStream, UnpacksPlainGzipAndZstd) {
  for (const OciImage::Layer& layer :
       {OciImage::plain(some_files()), OciImage::gzipped(some_files()),
        OciImage::zstandard(some_files())}) {
    SM_ASSERT_OK_AND_ASSIGN(const std::string bytes, unpack(layer));
    EXPECT_TRUE(bytes == some_files().finish()) << layer.media_type;
  }
}

TEST(LayerStream, TakesSeveralGzipMembersAsOne) {
  const std::string tar = some_files().finish();
  OciImage::Layer layer = OciImage::gzipped(some_files());
  layer.blob = gzip(tar.substr(0, 5000)) + gzip(tar.substr(5000));

  SM_ASSERT_OK_AND_ASSIGN(const std::string bytes, unpack(layer));

  EXPECT_TRUE(bytes == tar);
}

TEST(LayerStream, GoesByTheBytesWhereTheTypeNamesAnotherKnownCompression) {
  OciImage::Layer layer = OciImage::zstandard(some_files());
  layer.media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  EXPECT_THAT(unpack(layer), IsOk());

  layer.media_type = "application/vnd.oci.image.layer.v1.tar";
  EXPECT_THAT(unpack(layer), IsOk());
}

TEST(LayerStream, RefusesUnknownCompressionByName) {
  OciImage::Layer by_type = OciImage::plain(some_files());
  by_type.media_type = "application/vnd.oci.image.layer.v1.tar+brotli";
  const auto type = unpack(by_type);
  ASSERT_THAT(type, Fails(Errc::kUnsupported));
  EXPECT_THAT(type.error().message(), HasSubstr("unknown compression 'brotli'"));

  OciImage::Layer by_bytes = OciImage::plain(some_files());
  by_bytes.blob = std::string(
                      "\xfd"
                      "7zXZ\0",
                      6) +
                  "rest";
  const auto bytes = unpack(by_bytes);
  ASSERT_THAT(bytes, Fails(Errc::kUnsupported));
  EXPECT_THAT(bytes.error().message(), HasSubstr("unknown compression 'xz'"));

  OciImage::Layer neither = OciImage::gzipped(some_files());
  neither.blob = "neither of them";
  EXPECT_THAT(unpack(neither), Fails(Errc::kUnsupported));
}

TEST(LayerStream, RefusesABlobThatIsNotTheOneItsDigestNames) {
  for (const OciImage::Layer& layer :
       {OciImage::plain(some_files()), OciImage::gzipped(some_files()),
        OciImage::zstandard(some_files())}) {
    OciImage image = OciImage::of({layer});
    std::string& blob = image.files["blobs/sha256/" + OciImage::digest(layer.blob).substr(7)];
    blob[blob.size() / 2] = static_cast<char>(blob[blob.size() / 2] ^ 1);

    const auto bytes = unpack(image);

    ASSERT_THAT(bytes, Fails(Errc::kCorrupt)) << layer.media_type;
    EXPECT_THAT(bytes.error().message(), StartsWith("digest mismatch: got sha256:"));
  }
}

TEST(LayerStream, RefusesABlobOfAnotherLength) {
  const OciImage::Layer layer = OciImage::gzipped(some_files());
  OciImage image = OciImage::of({layer});
  image.files["blobs/sha256/" + OciImage::digest(layer.blob).substr(7)].pop_back();

  const auto bytes = unpack(image);

  ASSERT_THAT(bytes, Fails(Errc::kCorrupt));
  EXPECT_THAT(bytes.error().message(), HasSubstr("bytes long, should be"));
}

TEST(LayerStream, RefusesBytesThatAreNotThoseOfTheDiffId) {
  OciImage::Layer layer = OciImage::gzipped(some_files());
  layer.diff_id = OciImage::digest("something else");

  const auto bytes = unpack(layer);

  ASSERT_THAT(bytes, Fails(Errc::kCorrupt));
  EXPECT_THAT(bytes.error().message(), HasSubstr("diff_id"));
}

TEST(LayerStream, RefusesCompressedDataThatWasCutBeforeItWasNamed) {
  for (const OciImage::Layer& whole :
       {OciImage::gzipped(some_files()), OciImage::zstandard(some_files())}) {
    for (std::size_t length = 10; length < whole.blob.size(); length += 37) {
      OciImage::Layer cut = whole;
      cut.blob.resize(length);
      EXPECT_THAT(unpack(cut), Fails(Errc::kCorrupt)) << whole.media_type << " " << length;
    }
  }
}

TEST(LayerStream, SaysThatALayerIsMissing) {
  const OciImage::Layer layer = OciImage::plain(some_files());
  OciImage image = OciImage::of({layer});
  image.files.erase("blobs/sha256/" + OciImage::digest(layer.blob).substr(7));

  const auto bytes = unpack(image);

  ASSERT_THAT(bytes, Fails(Errc::kCorrupt));
  EXPECT_THAT(bytes.error().message(), HasSubstr("is missing"));
}

TEST(LayerStream, RefusesDecompressionBombs) {
  TarWriter zeros;
  zeros.file("zeros", std::string(std::size_t{8} << 20, '\0'));
  const LayerLimits limits{.max_ratio = 200, .free_bytes = 1 << 20};

  for (const OciImage::Layer& bomb : {OciImage::gzipped(zeros), OciImage::zstandard(zeros)}) {
    const auto bytes = unpack(bomb, limits);
    ASSERT_THAT(bytes, Fails(Errc::kExhausted)) << bomb.media_type;
    EXPECT_THAT(bytes.error().message(), HasSubstr("decompression bomb"));
  }
  EXPECT_THAT(unpack(OciImage::gzipped(zeros)), IsOk());  // small enough for the default
  EXPECT_THAT(unpack(OciImage::plain(zeros), {.max_bytes = 1 << 20}), Fails(Errc::kExhausted));
}

}  // namespace
}  // namespace supermachine::oci
