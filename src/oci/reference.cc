// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace supermachine::oci {
namespace {

struct Scheme {
  std::string_view prefix;
  Reference::Kind kind;
};
// The first of a kind is the one we print.
constexpr std::array kSchemes{
    Scheme{"oci-archive:", Reference::Kind::kOciArchive},
    Scheme{"oci-layout:", Reference::Kind::kOciLayout},
    Scheme{"oci:", Reference::Kind::kOciLayout},
    Scheme{"docker-archive:", Reference::Kind::kDockerArchive},
};

constexpr std::string_view kRegistryPrefix = "docker://";
constexpr std::string_view kFilePrefixes =
    "oci-archive:FILE, oci-layout:DIRECTORY or docker-archive:FILE";

// A file's name without its prefix, by the look of it; nobody wants it sent to docker.io.
bool looks_like_file(std::string_view text) {
  return text.starts_with('.') || text.starts_with('/') || text.ends_with(".tar") ||
         text.ends_with(".tar.gz") || text.ends_with(".tgz");
}

// What would be taken for a file: its look, or a name on Docker Hub that is a scheme's, with a tag.
bool is_mistakable(std::string_view text) {
  return looks_like_file(text) || std::ranges::any_of(kSchemes, [&](const Scheme& scheme) {
           return text.starts_with(scheme.prefix);
         });
}

Result<Reference> parse_registry(std::string_view text) {
  const bool is_prefixed = text.starts_with(kRegistryPrefix);
  if (is_prefixed) text.remove_prefix(kRegistryPrefix.size());
  if (text.empty() || (!is_prefixed && looks_like_file(text))) {
    return Error(Errc::kInvalidArgument,
                 fmt::format("'{}' is no image reference; use NAME[:TAG] for a registry's, {}",
                             text, kFilePrefixes));
  }
  auto registry = RegistryReference::parse(text);
  if (!registry.ok()) {
    if (is_prefixed) return std::move(registry).error();
    return Error(Errc::kInvalidArgument,
                 fmt::format("{} (files are {})", registry.error().message(), kFilePrefixes));
  }
  const std::string familiar = registry.value().familiar();
  return Reference{Reference::Kind::kRegistry, familiar, {}, std::move(registry).value()};
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    const std::string_view rest = text.substr(scheme.prefix.size());
    const std::size_t colon = rest.find(':');
    Reference reference{scheme.kind, std::string(rest.substr(0, colon)), {}, {}};
    if (colon != std::string_view::npos) reference.name = rest.substr(colon + 1);
    if (reference.path.empty()) {
      return Error(Errc::kInvalidArgument, fmt::format("'{}' names no file", text));
    }
    if (colon != std::string_view::npos && reference.name.empty()) {
      return Error(Errc::kInvalidArgument, fmt::format("'{}' ends in an empty name", text));
    }
    return reference;
  }
  return parse_registry(text);
}

std::string Reference::text_with_name(std::string_view other) const {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.kind != kind) continue;
    return fmt::format("{}{}{}{}", scheme.prefix, path, other.empty() ? "" : ":", other);
  }
  return is_mistakable(path) ? fmt::format("{}{}", kRegistryPrefix, path) : path;
}

}  // namespace supermachine::oci
