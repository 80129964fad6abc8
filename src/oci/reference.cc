#include "oci/reference.h"

#include <fmt/format.h>

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

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    const std::string_view rest = text.substr(scheme.prefix.size());
    const std::size_t colon = rest.find(':');
    Reference reference{scheme.kind, std::string(rest.substr(0, colon)), {}};
    if (colon != std::string_view::npos) reference.name = rest.substr(colon + 1);
    if (reference.path.empty()) {
      return Error(Errc::kInvalidArgument, fmt::format("'{}' names no file", text));
    }
    if (colon != std::string_view::npos && reference.name.empty()) {
      return Error(Errc::kInvalidArgument, fmt::format("'{}' ends in an empty name", text));
    }
    return reference;
  }
  return Error(
      Errc::kInvalidArgument,
      fmt::format("'{}' is no image reference; use oci-archive:FILE, oci-layout:DIRECTORY or "
                  "docker-archive:FILE",
                  text));
}

std::string Reference::text_with_name(std::string_view other) const {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.kind != kind) continue;
    return fmt::format("{}{}{}{}", scheme.prefix, path, other.empty() ? "" : ":", other);
  }
  return path;
}

}  // namespace supermachine::oci
