// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/json.h"

namespace supermachine::oci {
namespace {

constexpr std::size_t kMaxManifests = 4096;
constexpr std::string_view kConfigTypes[] = {"application/vnd.oci.image.config.v1+json",
                                             "application/vnd.docker.container.image.v1+json"};

Error corrupt(std::string message) { return {Errc::kCorrupt, std::move(message)}; }

Result<Descriptor> parse_descriptor(const Json& json, std::string_view what) {
  Descriptor out;
  out.media_type = string_member(json, "mediaType");
  out.digest = SM_TRY(Digest::parse(string_member(json, "digest")));
  const auto size = number_member(json, "size");
  if (!size) return corrupt(fmt::format("{} has a descriptor without a size", what));
  out.size = *size;
  out.annotations = string_map_member(json, "annotations");
  if (const Json* platform = find_member(json, "platform")) {
    out.platform =
        Platform{string_member(*platform, "os"), string_member(*platform, "architecture"),
                 string_member(*platform, "variant")};
  }
  return out;
}

std::optional<Error> foreign_configuration(std::string_view media_type) {
  if (std::ranges::find(kConfigTypes, media_type) != std::end(kConfigTypes)) return std::nullopt;
  return Error(Errc::kUnsupported,
               fmt::format("not a container image: its configuration is '{:.100}'", media_type));
}

}  // namespace

bool Descriptor::is_index() const {
  return media_type == "application/vnd.oci.image.index.v1+json" ||
         media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool Descriptor::is_manifest() const {
  return media_type == "application/vnd.oci.image.manifest.v1+json" ||
         media_type == "application/vnd.docker.distribution.manifest.v2+json";
}

bool Descriptor::is_attestation() const {
  return annotations.contains("vnd.docker.reference.type") ||
         (platform && platform->os == "unknown" && platform->architecture == "unknown");
}

std::string Descriptor::name() const {
  for (const char* key : {"org.opencontainers.image.ref.name", "io.containerd.image.name"}) {
    if (const auto found = annotations.find(key); found != annotations.end()) return found->second;
  }
  return {};
}

Result<std::vector<Descriptor>> parse_index(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "index"));
  const Json* manifests = find_member(json, "manifests");
  if (manifests == nullptr || !manifests->is_array()) return corrupt("index lists no manifests");
  if (manifests->size() > kMaxManifests) return corrupt("index lists too many manifests");
  std::vector<Descriptor> out;
  for (const Json& entry : *manifests) out.push_back(SM_TRY(parse_descriptor(entry, "index")));
  return out;
}

Result<Manifest> parse_manifest(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "manifest"));
  const Json* config = find_member(json, "config");
  const Json* layers = find_member(json, "layers");
  if (config == nullptr || layers == nullptr || !layers->is_array()) {
    return corrupt("manifest names no configuration or no layers (schema 1 is not read)");
  }
  Manifest out;
  out.config = SM_TRY(parse_descriptor(*config, "manifest"));
  if (auto foreign = foreign_configuration(out.config.media_type)) return *std::move(foreign);
  if (layers->size() > kMaxLayers) {
    return corrupt(fmt::format("image has more than {} layers", kMaxLayers));
  }
  for (const Json& entry : *layers) {
    out.layers.push_back(SM_TRY(parse_descriptor(entry, "manifest")));
  }
  return out;
}

std::optional<Error> why_no_image(std::string_view manifest) {
  const auto json = parse_json(manifest, "manifest");
  const Json* config = json.ok() ? find_member(json.value(), "config") : nullptr;
  return config == nullptr ? std::nullopt
                           : foreign_configuration(string_member(*config, "mediaType"));
}

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "manifest.json"));
  if (!json.is_array() || json.size() > kMaxManifests) {
    return corrupt("manifest.json is not a list of images");
  }
  std::vector<DockerImage> out;
  for (const Json& entry : json) {
    DockerImage image{string_member(entry, "Config"), strings_member(entry, "RepoTags"),
                      strings_member(entry, "Layers")};
    if (image.config.empty()) return corrupt("manifest.json has an image without a configuration");
    if (image.layers.size() > kMaxLayers) {
      return corrupt(fmt::format("image has more than {} layers", kMaxLayers));
    }
    out.push_back(std::move(image));
  }
  return out;
}

}  // namespace supermachine::oci
