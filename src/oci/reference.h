// SPDX-License-Identifier: Apache-2.0
// Which image is meant, in the words docker, skopeo and podman use.
//
//   NAME[:TAG][@DIGEST]          in a registry: registry_reference.h ("docker://" may come first)
//   oci-archive:PATH[:NAME]      a tar of an OCI layout
//   oci-layout:PATH[:NAME]       an OCI layout directory ("oci:" is accepted too)
//   docker-archive:PATH[:NAME]   what `docker save` writes
//
// PATH ends at the first colon. The last NAME is the annotation or tag to choose by, or a
// manifest's digest.
#pragma once

#include <string>
#include <string_view>

#include "oci/registry_reference.h"

namespace supermachine::oci {

struct Reference {
  enum class Kind { kOciArchive, kOciLayout, kDockerArchive, kRegistry };

  Kind kind = Kind::kOciArchive;
  std::string path;            // of a registry's image: what messages call it
  std::string name;            // empty: the only image there is
  RegistryReference registry;  // of kRegistry

  static Result<Reference> parse(std::string_view text);

  // The reference as one would type it; with another name to suggest that one.
  [[nodiscard]] std::string text() const { return text_with_name(name); }
  [[nodiscard]] std::string text_with_name(std::string_view other) const;
};

}  // namespace supermachine::oci
