// SPDX-License-Identifier: Apache-2.0
#include "registry/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/json.h"
#include "base/run_program.h"
#include "oci/registry_reference.h"

namespace supermachine::registry {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::size_t kMaxAnswer = std::size_t{64} << 10;
constexpr auto kHelperTime = std::chrono::seconds(30);
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
constexpr std::string_view kTokenUser = "<token>";  // a helper's word for an identity token
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Error corrupt(std::string message) { return {Errc::kCorrupt, std::move(message)}; }

Result<Credentials> parse_entry(const Json& entry, const std::string& key) {
  Credentials out;
  out.identity_token = string_member(entry, "identitytoken");
  const std::string packed = string_member(entry, "auth");
  if (packed.empty()) {
    out.username = string_member(entry, "username");
    out.password = string_member(entry, "password");
    return out;
  }
  const auto plain = base64_decode(packed);
  const std::size_t colon = plain.ok() ? plain.value().find(':') : std::string::npos;
  if (colon == std::string::npos || colon == 0) {
    return corrupt(fmt::format("auth of '{:.100}' is not base64 of USER:PASSWORD", key));
  }
  out.username = plain.value().substr(0, colon);
  out.password = plain.value().substr(colon + 1);
  // Docker pads what it has packed itself with zero bytes.
  out.password.erase(std::min(out.password.find('\0'), out.password.size()));
  if (out.username == kTokenUser) {
    out.identity_token = std::exchange(out.password, {});
    out.username.clear();
  }
  return out;
}

// What a key stands for: docker writes URLs, podman names, of a host or of some of its
// repositories.
std::string_view plain_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!key.starts_with(scheme)) continue;
    key.remove_prefix(scheme.size());
    return key.substr(0, key.find('/'));
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  return key;
}

bool is_same_host(std::string_view one, std::string_view other) {
  const auto is_hub = [](std::string_view host) {
    return host == oci::kDockerHub || host == "index.docker.io" || host == "registry-1.docker.io";
  };
  return one == other || (is_hub(one) && is_hub(other));
}

// The most special key that covers the repository.
const Credentials* find_entry(const AuthFile& file, const std::string& host,
                              const std::string& repository) {
  const Credentials* found = nullptr;
  std::size_t found_length = 0;
  for (const auto& [key, credentials] : file.auths) {
    const std::string_view plain = plain_key(key);
    const std::size_t slash = plain.find('/');
    if (!is_same_host(plain.substr(0, slash), host)) continue;
    std::size_t length = 1;
    if (slash != std::string_view::npos) {
      const std::string_view path = plain.substr(slash + 1);
      if (repository != path && !repository.starts_with(std::string(path) + "/")) continue;
      length += path.size();
    }
    if (length > found_length && !credentials.empty()) {
      found = &credentials;
      found_length = length;
    }
  }
  return found;
}

Result<Credentials> ask_helper(const std::string& name, const std::string& host) {
  const bool is_plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (!is_plain) return corrupt(fmt::format("'{:.100}' is no credential helper's name", name));
  const std::string program = "docker-credential-" + name;
  const std::string question = host == oci::kDockerHub ? std::string(kHubKey) : host;
  const ProgramOutput answer =
      SM_TRY(run_program({program, "get"}, question + "\n", kMaxAnswer, deadline_in(kHelperTime)));
  if (answer.status != 0) {
    // The one failure that docker's helpers agree on is that there is nothing to tell.
    if (answer.out.find("credentials not found") != std::string::npos) return Credentials();
    return Error(Errc::kNotFound, fmt::format("{} get: exit status {}", program, answer.status));
  }
  auto credentials = parse_helper_answer(answer.out);
  if (!credentials.ok()) return std::move(credentials).error().with(program);
  return credentials;
}

Result<Credentials> look_up(const AuthFile& file, const std::string& host,
                            const std::string& repository) {
  for (const auto& [key, helper] : file.helpers) {
    if (is_same_host(plain_key(key), host)) return ask_helper(helper, host);
  }
  if (!file.store.empty()) {
    Credentials credentials = SM_TRY(ask_helper(file.store, host));
    if (!credentials.empty()) return credentials;
  }
  const Credentials* entry = find_entry(file, host, repository);
  return entry == nullptr ? Credentials() : *entry;
}

std::vector<std::string> places(const Environment& environment) {
  if (!environment.registry_auth_file.empty()) return {environment.registry_auth_file};
  std::vector<std::string> out;
  if (!environment.runtime_dir.empty()) {
    out.push_back(environment.runtime_dir + "/containers/auth.json");
  }
  if (!environment.config_home.empty()) {
    out.push_back(environment.config_home + "/containers/auth.json");
  }
  if (!environment.docker_config.empty()) {
    out.push_back(environment.docker_config + "/config.json");
  } else if (!environment.home.empty()) {
    out.push_back(environment.home + "/.docker/config.json");
  }
  return out;
}

}  // namespace

std::string base64_encode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= text.size() ? kBase64[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kBase64.find(c);
    if (value == std::string_view::npos || padding != 0) return corrupt("not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  if (padding > 2 || (padding != 0 && text.size() % 4 != 0) || count >= 6) {
    return corrupt("not base64");
  }
  return out;
}

Result<AuthFile> parse_auth_file(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "it"));
  AuthFile out;
  if (const Json* auths = find_member(json, "auths"); auths != nullptr && auths->is_object()) {
    for (auto entry = auths->begin(); entry != auths->end(); ++entry) {
      out.auths.emplace(entry.key(), SM_TRY(parse_entry(entry.value(), entry.key())));
    }
  }
  out.helpers = string_map_member(json, "credHelpers");
  out.store = string_member(json, "credsStore");
  return out;
}

Result<Credentials> parse_helper_answer(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "its answer"));
  Credentials out{string_member(json, "Username"), string_member(json, "Secret"), {}};
  if (out.password.empty()) return corrupt("its answer holds no secret");
  if (out.username == kTokenUser) {
    out.identity_token = std::exchange(out.password, {});
    out.username.clear();
  }
  return out;
}

Result<Credentials> find_credentials(const Environment& environment, const std::string& host,
                                     const std::string& repository) {
  for (const std::string& path : places(environment)) {
    auto text = read_file(path, kMaxFile);
    if (!text.ok()) {
      if (text.error().os_errno() == ENOENT || text.error().os_errno() == ENOTDIR) continue;
      return std::move(text).error().with("credentials");
    }
    auto file = parse_auth_file(text.value());
    if (!file.ok()) return std::move(file).error().with(path);
    auto credentials = look_up(file.value(), host, repository);
    if (!credentials.ok()) return std::move(credentials).error().with(path);
    if (!credentials.value().empty()) return credentials;
  }
  return Credentials();
}

}  // namespace supermachine::registry
