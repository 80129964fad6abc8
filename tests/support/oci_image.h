// SPDX-License-Identifier: Apache-2.0
// Small images made in a test: blobs, manifests and indexes, honest or not, as a set of named files
// that becomes a directory, an archive or a BlobSource.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "oci/blob_source.h"
#include "oci/digest.h"
#include "tar_writer.h"

namespace supermachine {

// One gzip member, one zstd frame.
inline std::string gzip(const std::string& bytes) {
  z_stream stream{};
  SM_CHECK(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
           Z_OK);
  std::string out(::deflateBound(&stream, bytes.size()), '\0');
  std::string in = bytes;  // zlib wants it writable
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SM_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}
inline std::string zstd(const std::string& bytes) {
  std::string out(::ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ::ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1);
  SM_CHECK(::ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

class OciImage {
 public:
  struct Layer {
    std::string blob;
    std::string diff_id;
    std::string media_type = "application/vnd.oci.image.layer.v1.tar";
  };

  static Layer plain(const TarWriter& tar) { return {tar.finish(), digest(tar.finish())}; }
  static Layer gzipped(const TarWriter& tar) {
    return {gzip(tar.finish()), digest(tar.finish()),
            "application/vnd.oci.image.layer.v1.tar+gzip"};
  }
  static Layer zstandard(const TarWriter& tar) {
    return {zstd(tar.finish()), digest(tar.finish()),
            "application/vnd.oci.image.layer.v1.tar+zstd"};
  }
  static std::string digest(const std::string& bytes) { return oci::Sha256::of(bytes).text(); }

  // A configuration with what the tests look at.
  static Json config(const std::vector<Layer>& layers, const std::string& architecture = "amd64",
                     const std::string& os = "linux") {
    Json json = {{"architecture", architecture},
                 {"os", os},
                 {"config",
                  {{"Env", {"PATH=/bin", "A=b"}},
                   {"Entrypoint", {"/init", "-v"}},
                   {"Cmd", {"sh"}},
                   {"WorkingDir", "/srv"},
                   {"User", "app:staff"},
                   {"ExposedPorts", {{"80/tcp", Json::object()}}},
                   {"Volumes", {{"/data", Json::object()}}},
                   {"Labels", {{"a", "1"}}},
                   {"StopSignal", "SIGQUIT"}}},
                 {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}}};
    for (const Layer& layer : layers) json["rootfs"]["diff_ids"].push_back(layer.diff_id);
    return json;
  }

  // Adds a blob under its digest and returns a descriptor of it.
  Json add_blob(const std::string& bytes, const std::string& media_type) {
    const std::string name = digest(bytes);
    files["blobs/sha256/" + name.substr(7)] = bytes;
    return {{"mediaType", media_type}, {"digest", name}, {"size", bytes.size()}};
  }

  Json add_manifest(const std::vector<Layer>& layers, const Json& configuration) {
    Json manifest = {
        {"schemaVersion", 2},
        {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
        {"config", add_blob(configuration.dump(), "application/vnd.oci.image.config.v1+json")},
        {"layers", Json::array()}};
    for (const Layer& layer : layers) {
      manifest["layers"].push_back(add_blob(layer.blob, layer.media_type));
    }
    return add_blob(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
  }
  Json add_manifest(const std::vector<Layer>& layers) {
    return add_manifest(layers, config(layers));
  }

  Json add_index(const std::vector<Json>& descriptors) {
    return add_blob(index(descriptors), "application/vnd.oci.image.index.v1+json");
  }
  void set_index(const std::vector<Json>& descriptors) {
    files["oci-layout"] = R"({"imageLayoutVersion": "1.0.0"})";
    files["index.json"] = index(descriptors);
  }
  static std::string index(const std::vector<Json>& descriptors) {
    return Json{{"schemaVersion", 2}, {"manifests", descriptors}}.dump();
  }
  static Json named(Json descriptor, const std::string& name) {
    descriptor["annotations"]["org.opencontainers.image.ref.name"] = name;
    return descriptor;
  }
  static Json for_platform(Json descriptor, const std::string& os,
                           const std::string& architecture) {
    descriptor["platform"] = {{"os", os}, {"architecture", architecture}};
    return descriptor;
  }

  // One image of `layers`, and nothing else.
  static OciImage of(const std::vector<Layer>& layers) {
    OciImage image;
    image.set_index({image.add_manifest(layers)});
    return image;
  }

  [[nodiscard]] std::string archive() const {
    TarWriter tar;
    for (const auto& [name, bytes] : files) tar.file("./" + name, bytes);
    return tar.finish();
  }
  void write_archive(const std::string& path) const { write(path, archive()); }
  void write_layout(const std::string& directory) const {
    for (const auto& [name, bytes] : files) {
      const std::filesystem::path path = directory + "/" + name;
      std::filesystem::create_directories(path.parent_path());
      write(path, bytes);
    }
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  std::map<std::string, std::string> files;
};

// The files of an OciImage, without a disk.
class MemoryBlobs final : public oci::BlobSource {
 public:
  explicit MemoryBlobs(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  Result<std::optional<oci::Blob>> open(std::string_view name) const override {
    const auto found = files_.find(std::string(name));
    if (found == files_.end()) return std::optional<oci::Blob>();
    const auto bytes = std::as_bytes(std::span(found->second));
    return std::optional(oci::Blob{std::make_unique<MemorySource>(bytes), bytes.size()});
  }

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace supermachine
