// SPDX-License-Identifier: Apache-2.0
// Indexes and manifests (OCI image-spec; docker's schema 2 differs in names only), and the list in
// a docker archive. Decoding only: blobs are fetched by image.cc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "oci/image.h"

namespace supermachine::oci {

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;

  [[nodiscard]] bool is_index() const;
  [[nodiscard]] bool is_manifest() const;
  // Signatures and build records that lie beside images are no images.
  [[nodiscard]] bool is_attestation() const;
  [[nodiscard]] std::string name() const;  // the annotation people choose by, or empty
};

// Indexes may list indexes. So deep and so many entries, in one search for an image.
inline constexpr int kMaxIndexDepth = 4;
inline constexpr int kMaxVisits = 10'000;

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};

struct DockerImage {   // one element of manifest.json
  std::string config;  // a member's name
  std::vector<std::string> tags;
  std::vector<std::string> layers;
};

Result<std::vector<Descriptor>> parse_index(std::string_view text);
Result<Manifest> parse_manifest(std::string_view text);
// Why a manifest is none of a container image, if so: signatures, charts and other artifacts have
// manifests of the same media type. Nothing for what is no manifest at all.
std::optional<Error> why_no_image(std::string_view manifest);
Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text);

}  // namespace supermachine::oci
