// Where an image on disk is, in the words skopeo and podman use.
//
//   oci-archive:PATH[:NAME]      a tar of an OCI layout
//   oci-layout:PATH[:NAME]       an OCI layout directory ("oci:" is accepted too)
//   docker-archive:PATH[:NAME]   what `docker save` writes
//
// PATH ends at the first colon. NAME is the annotation or tag to choose by, or a manifest's digest.
#pragma once

#include <string>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::oci {

struct Reference {
  enum class Kind { kOciArchive, kOciLayout, kDockerArchive };

  Kind kind = Kind::kOciArchive;
  std::string path;
  std::string name;  // empty: the only image there is

  static Result<Reference> parse(std::string_view text);

  // The reference as one would type it; with another name to suggest that one.
  [[nodiscard]] std::string text() const { return text_with_name(name); }
  [[nodiscard]] std::string text_with_name(std::string_view other) const;
};

}  // namespace supermachine::oci
