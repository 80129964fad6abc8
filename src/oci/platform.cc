// SPDX-License-Identifier: Apache-2.0
#include "oci/platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace supermachine::oci {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts{std::string()};
  for (const char c : text) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Uname's words for what OCI has other ones for.
std::string normal_architecture(std::string text) {
  if (text == "x86_64" || text == "x86-64") return "amd64";
  if (text == "aarch64") return "arm64";
  return text;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace

Result<Platform> parse_platform(std::string_view text) {
  Platform platform;
  if (text.empty()) return platform;
  const std::vector<std::string> parts = split(text);
  if (parts.size() > 3 || !std::ranges::all_of(parts, is_word)) {
    return Error(Errc::kInvalidArgument,
                 fmt::format("'{:.100}' is no platform; write it as linux/amd64", text));
  }
  if (parts.size() > 1) {
    platform = {parts[0], normal_architecture(parts[1]), parts.size() > 2 ? parts[2] : ""};
  } else if (parts[0] != "linux") {
    const bool is_system = parts[0] == "windows" || parts[0] == "darwin" || parts[0] == "freebsd";
    (is_system ? platform.os : platform.architecture) = normal_architecture(parts[0]);
  }
  if (!platform.fits(Platform())) {
    return Error(Errc::kUnsupported,
                 fmt::format("platform {} cannot run here: this host runs {} only", platform.text(),
                             Platform().text()));
  }
  platform.variant.clear();
  return platform;
}

}  // namespace supermachine::oci
