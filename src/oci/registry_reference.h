// SPDX-License-Identifier: Apache-2.0
// The name of an image in a registry, as docker writes and completes it (the grammar is that of the
// distribution project's package reference).
//
//   [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]
//
// The first part is a host only if it holds a '.' or ':', is "localhost", or has upper-case
// letters; otherwise the name is docker.io's. There, a name of one part is in "library/".
#pragma once

#include <string>
#include <string_view>

#include "oci/digest.h"

namespace supermachine::oci {

struct RegistryReference {
  std::string host;        // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/nginx"
  std::string tag;         // empty only where there is a digest
  Digest digest;           // what counts, if it is there: the tag is then only said

  // kInvalidArgument says which part is wrong.
  static Result<RegistryReference> parse(std::string_view text);

  // As one would type it: "nginx:1.27", without what would be completed anyway, but for the tag.
  [[nodiscard]] std::string familiar() const;
  // In full: "docker.io/library/nginx:1.27". Two references with equal texts mean the same.
  [[nodiscard]] std::string canonical() const;
  [[nodiscard]] std::string name() const { return host + "/" + repository; }
  // What the registry is asked for: the digest, or else the tag.
  [[nodiscard]] const std::string& wanted() const {
    return digest.text().empty() ? tag : digest.text();
  }

  // "localhost", 127.x.x.x and [::1], whatever the port.
  [[nodiscard]] bool is_loopback() const;
};

inline constexpr std::string_view kDockerHub = "docker.io";

// Of "host", "host:port", "[::1]" or "[::1]:port".
[[nodiscard]] bool is_loopback_host(std::string_view host);
// Whether `host` may stand before the first '/' of a reference.
[[nodiscard]] bool is_registry_host(std::string_view host);

}  // namespace supermachine::oci
