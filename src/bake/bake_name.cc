// SPDX-License-Identifier: Apache-2.0
#include "bake/bake_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "oci/digest.h"
#include "oci/reference.h"

namespace supermachine::bake {
namespace {

constexpr std::size_t kHashDigits = 8;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string sanitized(std::string_view text) {
  std::string name;
  for (const char c : text) name += is_alphanumeric(c) || c == '-' ? c : '_';
  if (!name.empty() && !is_alphanumeric(name[0])) name.insert(0, "x");
  return name;
}

std::string with_hash(std::string_view name, std::string_view of) {
  const std::string hash = oci::Sha256::of(of).hex().substr(0, kHashDigits);
  return fmt::format("{}-{}", name.substr(0, kMaxBakeName - kHashDigits - 1), hash);
}

std::string name_of_file(const oci::Reference& reference) {
  std::error_code gone;  // our working directory: nothing is found there, by whatever name
  std::filesystem::path path = std::filesystem::absolute(reference.path, gone);
  path = (gone ? std::filesystem::path(reference.path) : path).lexically_normal();
  const std::string file = path.has_filename() ? path.stem() : path.parent_path().stem();
  const std::string tag = reference.name.empty() ? "" : "_" + reference.name;
  return with_hash(sanitized(file + tag), path.string() + tag);
}

}  // namespace

Status check_bake_name(std::string_view name) {
  const auto allowed = [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
  };
  if (!name.empty() && name.size() <= kMaxBakeName && is_alphanumeric(name[0]) &&
      std::ranges::all_of(name, allowed)) {
    return {};
  }
  return Error(Errc::kInvalidArgument,
               fmt::format("'{}' cannot name a bake: use up to {} letters, digits, '_', '-' and "
                           "'.', the first a letter or digit",
                           name, kMaxBakeName));
}

std::string bake_name_for(std::string_view reference, std::string_view suffix) {
  const auto parsed = oci::Reference::parse(reference);
  const bool in_registry = parsed.ok() && parsed.value().kind == oci::Reference::Kind::kRegistry;
  std::string name = in_registry   ? sanitized(parsed.value().registry.familiar())
                     : parsed.ok() ? name_of_file(parsed.value())
                                   : sanitized(reference);
  name += suffix;
  return name.size() <= kMaxBakeName ? name : with_hash(name, name + std::string(reference));
}

}  // namespace supermachine::bake
