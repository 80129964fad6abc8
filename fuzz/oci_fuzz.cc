// SPDX-License-Identifier: Apache-2.0
// Indexes, manifests, configurations and references, and the tar they come in. The first byte says
// which reader gets the rest.
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/files.h"
#include "oci/image.h"
#include "oci/layer_stream.h"
#include "oci/manifest.h"
#include "oci_image.h"

namespace supermachine {
namespace {

using oci::Reference;

// The input as a whole archive: whatever is found in it is read to its end.
void read_archive(const std::string& bytes) {
  const UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
  SM_CHECK(write_all(file.get(), std::as_bytes(std::span(bytes))).ok());
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  for (const auto kind : {Reference::Kind::kOciArchive, Reference::Kind::kDockerArchive}) {
    const auto image = oci::open_image({kind, path, {}, {}});
    if (!image.ok()) continue;
    for (const oci::Layer& layer : image.value().layers) {
      const auto stream = oci::open_layer(image.value(), layer, {.max_bytes = 1 << 20});
      if (stream.ok()) static_cast<void>(stream.value()->skip(1 << 20));
    }
  }
}

// Digests would stop nearly every mutation, so the index stands alone over blobs that are there.
void find_in_index(const std::string& index) {
  static const OciImage kImage = OciImage::of({OciImage::plain(TarWriter().file("a"))});
  auto files = kImage.files;
  files["index.json"] = index;
  files["manifest.json"] = index;
  const auto blobs = std::make_shared<MemoryBlobs>(std::move(files));
  for (const auto kind : {Reference::Kind::kOciArchive, Reference::Kind::kDockerArchive}) {
    static_cast<void>(oci::find_image(blobs, {kind, "x.tar", {}, {}}, {}));
    static_cast<void>(oci::find_image(blobs, {kind, "x.tar", "name", {}}, {}));
  }
}

void check_reference(const std::string& text) {
  const auto parsed = Reference::parse(text);
  if (!parsed.ok()) return;
  const auto again = Reference::parse(parsed.value().text());
  SM_CHECK(again.ok());
  SM_CHECK(again.value().path == parsed.value().path && again.value().name == parsed.value().name);
  const oci::RegistryReference& registry = parsed.value().registry;
  SM_CHECK(again.value().registry.canonical() == registry.canonical());
  if (parsed.value().kind != Reference::Kind::kRegistry) return;
  const auto in_full = oci::RegistryReference::parse(registry.canonical());
  SM_CHECK(in_full.ok() && in_full.value().canonical() == registry.canonical());
}

}  // namespace
}  // namespace supermachine

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine;
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      read_archive(bytes);
      break;
    case 1:
      find_in_index(bytes);
      break;
    case 2:
      static_cast<void>(oci::parse_manifest(bytes));
      break;
    case 3:
      static_cast<void>(oci::parse_docker_manifest(bytes));
      break;
    case 4:
      static_cast<void>(oci::parse_image_config(bytes));
      break;
    default:
      check_reference(bytes);
  }
  return 0;
}
