// SPDX-License-Identifier: Apache-2.0
#include "registry/config.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/files.h"
#include "base/json.h"

namespace supermachine::registry {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::size_t kMaxCa = std::size_t{1} << 20;
constexpr std::size_t kMaxMirrors = 16;
constexpr const char* kHubHost = "registry-1.docker.io";

Error wrong(std::string message) { return {Errc::kInvalidArgument, std::move(message)}; }

struct MirrorParts {
  bool https = false;
  std::string host;
  std::string prefix;  // of its repositories, without slashes round it
};

Result<MirrorParts> parse_mirror(std::string_view text) {
  MirrorParts out;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    out.https = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return wrong(fmt::format("mirror '{:.200}' must begin with https:// or http://", text));
  }
  const std::size_t slash = rest.find('/');
  out.host = rest.substr(0, slash);
  if (slash != std::string_view::npos) out.prefix = rest.substr(slash + 1);
  while (out.prefix.ends_with('/')) out.prefix.pop_back();
  const bool is_good =
      oci::is_registry_host(out.host) &&
      (out.prefix.empty() || oci::RegistryReference::parse("h.io/" + out.prefix + "/x").ok());
  if (!is_good) return wrong(fmt::format("mirror '{:.200}' is no HOST[:PORT][/PREFIX]", text));
  return out;
}

Result<bool> boolean(const Json& value, const std::string& key) {
  const auto* flag = value.get_ptr<const Json::boolean_t*>();
  if (flag == nullptr) return wrong(fmt::format("'{}' is true or false", key));
  return *flag;
}

Result<RegistrySettings> parse_settings(const Json& json, const std::string& host) {
  if (!json.is_object()) return wrong(fmt::format("'{:.100}' must be an object", host));
  RegistrySettings out;
  for (auto member = json.begin(); member != json.end(); ++member) {
    const std::string& key = member.key();
    if (key == "plain_http") {
      out.plain_http = SM_TRY(boolean(member.value(), key));
    } else if (key == "skip_tls_verify") {
      out.skip_tls_verify = SM_TRY(boolean(member.value(), key));
    } else if (key == "mirrors") {
      out.mirrors = strings_member(json, "mirrors");
      if (!member->is_array() || out.mirrors.size() != member->size() ||
          out.mirrors.size() > kMaxMirrors) {
        return wrong("'mirrors' must be a list of up to 16 URLs");
      }
      for (const std::string& mirror : out.mirrors) SM_TRY(parse_mirror(mirror));
    } else {
      return wrong(fmt::format("'{:.100}' is no setting of a registry", key));
    }
  }
  return out;
}

// A CA of its own, where docker and podman look for it.
std::string ca_of(const std::string& host, const Environment& environment) {
  for (const std::string& directory : environment.certs_dirs) {
    auto text = read_file(directory + "/" + host + "/ca.crt", kMaxCa);
    if (text.ok()) return std::move(text).value();
  }
  return {};
}

}  // namespace

const RegistrySettings& RegistryConfig::of(const std::string& host) const {
  static const RegistrySettings kDefault;
  const auto found = registries.find(host);
  return found == registries.end() ? kDefault : found->second;
}

Result<RegistryConfig> parse_registry_config(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "it"));
  RegistryConfig out;
  if (!json.is_object()) return wrong("it must be an object");
  for (auto member = json.begin(); member != json.end(); ++member) {
    if (member.key() != "registries" || !member->is_object()) {
      return wrong("it must hold 'registries', an object, and nothing else");
    }
    for (auto entry = member->begin(); entry != member->end(); ++entry) {
      if (!oci::is_registry_host(entry.key())) {
        return wrong(fmt::format("'{:.100}' is no HOST[:PORT]", entry.key()));
      }
      out.registries.emplace(entry.key(), SM_TRY(parse_settings(entry.value(), entry.key())));
    }
  }
  return out;
}

Result<RegistryConfig> load_registry_config(const Environment& environment) {
  std::string path = environment.registries_file;
  const bool is_named = !path.empty();
  if (!is_named) {
    if (environment.config_home.empty()) return RegistryConfig();
    path = environment.config_home + "/supermachine/registries.json";
  }
  auto text = read_file(path, kMaxFile);
  if (!text.ok()) {
    const int why = text.error().os_errno();
    if (!is_named && (why == ENOENT || why == ENOTDIR)) return RegistryConfig();
    return std::move(text).error().with("registries");
  }
  auto config = parse_registry_config(text.value());
  if (!config.ok()) return std::move(config).error().with(path);
  return config;
}

Result<std::vector<Endpoint>> endpoints_of(const oci::RegistryReference& reference,
                                           const RegistryConfig& config,
                                           const Environment& environment) {
  std::vector<Endpoint> out;
  const RegistrySettings& settings = config.of(reference.host);
  for (const std::string& mirror : settings.mirrors) {
    const MirrorParts parts = SM_TRY(parse_mirror(mirror));
    out.push_back(
        {.base = (parts.https ? "https://" : "http://") + parts.host,
         .host = parts.host,
         .repository = (parts.prefix.empty() ? "" : parts.prefix + "/") + reference.repository,
         .is_mirror = true,
         .skip_tls_verify = config.of(parts.host).skip_tls_verify,
         .extra_ca = ca_of(parts.host, environment)});
  }
  const std::string host = reference.host == oci::kDockerHub ? kHubHost : reference.host;
  Endpoint own{.base = "",
               .host = reference.host,
               .repository = reference.repository,
               .skip_tls_verify = settings.skip_tls_verify,
               .extra_ca = ca_of(reference.host, environment)};
  const bool is_local = reference.is_loopback() && own.extra_ca.empty();
  own.base = (settings.plain_http.value_or(is_local) ? "http://" : "https://") + host;
  out.push_back(std::move(own));
  return out;
}

}  // namespace supermachine::registry
